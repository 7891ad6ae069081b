// Every certificate × both edges in real Chromium: what it offers, what the server then sees, and the contract's answer.
//
// The certificates are real: the server issues its own, at its own time, and OpenSSL those of other authorities.
import { X509Certificate } from "node:crypto";
import { cp } from "node:fs/promises";

import type { Page } from "@playwright/test";

import { Authority, certificateIn } from "../authority.ts";
import { Caddy, SECRET } from "../caddy.ts";
import { DAY } from "../clock.ts";
import { test as base, expect, type People, type Servers } from "../fixtures.ts";
import type { Account } from "../actions.ts";
import type { Identity } from "../machine.ts";
import type { MailServer } from "../mail.ts";
import { Administrator, firstAdministrator } from "../provision.ts";
import { freePort, type Server } from "../server.ts";

type Kind =
  | "expired"
  | "foreign"
  | "missing"
  | "namesake"
  | "not yet valid"
  | "revoked"
  | "unknown"
  | "valid";

/** What is wrong with what the server sees, as the contract names it. */
type Reason = "missing" | "revoked" | "untrusted";

interface Case {
  kind: Kind;
  /** `undefined`: nothing is wrong. */
  rustls: Reason | undefined;
  caddy: Reason | undefined;
}

// "missing": Chromium has offered nothing. It leaves out certificates whose dates do not fit, and those of an authority
// that is not among the names that the edge sends. The built-in edge sends the names of the server's authority; Caddy,
// as it is set up here, sends none. (With curl, which offers everything: server/tests/edges/matrix.rs.)
const CASES: Case[] = [
  { kind: "missing", rustls: "missing", caddy: "missing" },
  { kind: "valid", rustls: undefined, caddy: undefined },
  { kind: "expired", rustls: "missing", caddy: "missing" },
  { kind: "not yet valid", rustls: "missing", caddy: "missing" },
  { kind: "foreign", rustls: "missing", caddy: "untrusted" },
  // Of an authority that has given itself the name of the server's.
  { kind: "namesake", rustls: "untrusted", caddy: "untrusted" },
  // Signed by the server's authority, and not in its database.
  { kind: "unknown", rustls: "untrusted", caddy: "untrusted" },
  { kind: "revoked", rustls: "revoked", caddy: "revoked" },
];

const EXPLANATIONS: Record<Reason, string> = {
  missing: "This machine did not present a certificate.",
  revoked: "This machine's certificate has been revoked.",
  untrusted: "This machine presented a certificate that this server did not issue.",
};

interface Deployment {
  /** The listeners for machines, each of a server of its own; all of these know the same machines. */
  edges: { rustls: string; caddy: string };
  people: People;
  /** Of Caddy's own certificates. */
  caddyAuthority: string;
  identities: Map<Kind, Identity>;
}

const test = base.extend<{ deployment: Deployment }>({
  deployment: async ({ mail, peopleAt, servers }, use, info) => {
    const folder = (name: string) => info.outputPath(name);
    const identities = await issued(servers, mail, folder);
    await cp(folder("server"), folder("behind"), { recursive: true });
    const direct = await servers.start({ folder: folder("server"), initialised: true });
    const port = await freePort();
    const plain = await servers.start({
      folder: folder("behind"),
      initialised: true,
      settings: {
        AIWE_MACHINES__PLAIN: "true",
        AIWE_MACHINES_URL: `https://localhost:${port}`,
        AIWE_PROXY__SECRET: SECRET,
        AIWE_PROXY__TRUSTED: "127.0.0.1",
      },
    });
    const caddy = await Caddy.start(folder("caddy"), port, {
      pages: `127.0.0.1:${new URL(plain.pages).port}`,
      machines: `127.0.0.1:${new URL(plain.machines).port}`,
    });
    const edges = { rustls: direct.machines, caddy: caddy.machines };
    await use({ edges, people: peopleAt(direct), caddyAuthority: caddy.authority, identities });
    await caddy.stop();
  },
});

/** Issues every certificate. The server that knows those that it should know is stopped, its folder is `server`. */
async function issued(
  servers: Servers,
  mail: MailServer,
  folder: (name: string) => string,
): Promise<Map<Kind, Identity>> {
  const identities = new Map<Kind, Identity>();
  const provision = async (server: Server, account: Account, ahead: number, kinds: Kind[]) => {
    const administrator = await Administrator.signedIn(server, account, ahead);
    for (const kind of kinds) {
      const email = `${nameOf(kind)}@example.org`;
      identities.set(kind, await administrator.issue(mail, email));
      if (kind === "revoked") await administrator.revoke(email);
    }
    await administrator.close();
    await server.stop();
  };
  const [home, elsewhere] = [folder("server"), folder("elsewhere")];

  // Half a year ago somebody set the server up, and a machine got its certificate.
  const past = -200 * DAY;
  const young = await servers.start({ folder: home, ahead: past });
  const account = await firstAdministrator(young, past);
  await provision(young, account, past, ["expired"]);

  // What a copy of the server issues, the server itself does not know.
  await cp(home, elsewhere, { recursive: true });
  await Promise.all([
    servers
      .start({ folder: elsewhere, initialised: true })
      .then((copy) => provision(copy, account, 0, ["unknown"])),
    servers
      .start({ folder: home, initialised: true })
      .then((server) => provision(server, account, 0, ["valid", "revoked"])),
  ]);

  // For a while the server's clock was ahead.
  const ahead = 30 * DAY;
  const hasty = await servers.start({ folder: home, initialised: true, ahead });
  await provision(hasty, account, ahead, ["not yet valid"]);

  const foreign = await Authority.create(folder("foreign"), "/CN=Another authority");
  identities.set("foreign", await foreign.identity("foreign"));
  const valid = new X509Certificate(await certificateIn(held(identities, "valid"), home));
  const namesake = await Authority.create(folder("namesake"), `/${valid.issuer.replaceAll("\n", "/")}`);
  identities.set("namesake", await namesake.identity("namesake"));
  return identities;
}

function held(identities: Map<Kind, Identity>, kind: Kind): Identity {
  const found = identities.get(kind);
  if (!found) throw new Error(`no certificate was made: ${kind}`);
  return found;
}

const nameOf = (kind: Kind) => kind.replaceAll(" ", "-");

test("every certificate gets the contract's answer on both edges", async ({ deployment }, info) => {
  const { edges, people, identities } = deployment;
  // The refusals that the scripts get.
  people.expected.push(/status of 40[13]/);
  for (const { kind, ...reasons } of CASES) {
    const identity = kind === "missing" ? undefined : held(identities, kind);
    const fingerprint = identity && fingerprintOf(await certificateIn(identity, info.outputPath("server")));
    const page = await people.machine(nameOf(kind), identity, [deployment.caddyAuthority]);
    for (const edge of ["rustls", "caddy"] as const) {
      await test.step(`${kind}, ${edge}`, async () => {
        const reason = reasons[edge];
        await answersTest(page, edges[edge], reason === "missing" ? undefined : fingerprint);
        await answersScript(page, reason);
        await answersNavigation(page, edges[edge], reason);
      });
    }
    await page.context().close();
  }
});

/** The page for it says what the server sees. */
async function answersTest(page: Page, edge: string, fingerprint: string | undefined): Promise<void> {
  await page.goto(`${edge}/certificate-test`);
  if (fingerprint) await expect(page.getByText(fingerprint)).toBeVisible();
  else await expect(page.getByText("The browser sent no certificate.")).toBeVisible();
}

/** What a script of the open page gets. */
async function answersScript(page: Page, reason: Reason | undefined): Promise<void> {
  const answers = await page.evaluate(async () => {
    const get = async (path: string) => {
      const answer = await fetch(path, { headers: { accept: "text/html, application/json" } });
      const text = await answer.text();
      return `${answer.status} ${text.startsWith("{") ? (JSON.parse(text) as { type: string }).type : "page"}`;
    };
    return [await get("/native/modes"), await get("/sidebar")];
  });
  const refused = `403 urn:aiwe:problem:client-certificate:${reason}`;
  const expected = reason ? [refused, refused] : ["401 urn:aiwe:problem:sign-in-required", "200 page"];
  expect(answers).toEqual(expected);
}

/** Where somebody who opens the assistant arrives. */
async function answersNavigation(page: Page, edge: string, reason: Reason | undefined): Promise<void> {
  const arrived = await page.goto(`${edge}/sidebar`);
  const before = arrived?.request().redirectedFrom();
  if (!reason) {
    expect([before, arrived?.status(), page.url()]).toEqual([null, 200, `${edge}/sidebar`]);
    await expect(page.getByLabel("E-mail address")).toBeVisible();
    return;
  }
  expect((await before?.response())?.status()).toBe(303);
  expect(page.url()).toBe(`${edge}/request-access?reason=${reason}`);
  await expect(page.getByText(EXPLANATIONS[reason])).toBeVisible();
}

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
}
