// Keys that are made in the page: what travels, what the machine gets, and what happens when something fails.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";

import type { BrowserContext, Page } from "@playwright/test";

import { expect, type People, test } from "../fixtures.ts";
import { approve, requestAccess, hydrated, linkIn, save, setUp, signIn } from "../actions.ts";
import type { MailServer } from "../mail.ts";
import { run } from "../process.ts";
import type { Server } from "../server.ts";

const PASSWORD = "a password for the file";
const MODULE = /\/pkg\/aiwe-keys(\.js|_bg\.wasm)$/;

interface Fixtures {
  server: Server;
  mail: MailServer;
  people: People;
}

/** A requester whose request was approved, with the code and the link. */
async function approved({ server, mail, people }: Fixtures, options = {}) {
  const admin = await people.visitor();
  const words = "several words make a password";
  await signIn(admin, await setUp(admin, server.setupLink, "chief@example.org", words));
  const requester = await people.visitor(options);
  const code = await requestAccess(requester, "anna@example.org", "Ubuntu", "Anna's laptop");
  await approve(admin, "anna@example.org", code);
  const link = linkIn(await mail.mailTo("anna@example.org", /approved/i));
  return { requester, code, link };
}

/** Everything that a browser sends from now on, as bytes. */
function listen(context: BrowserContext) {
  const sent: { method: string; url: string; bytes: Buffer }[] = [];
  context.on("request", (request) => {
    const head = `${request.url()}\n${JSON.stringify(request.headers())}\n`;
    const bytes = Buffer.concat([Buffer.from(head), request.postDataBuffer() ?? Buffer.alloc(0)]);
    sent.push({ method: request.method(), url: request.url(), bytes });
  });
  return sent;
}

/** Key and certificate of a package, as OpenSSL reads them. */
async function opened(folder: string, p12: Buffer, password: string) {
  const file = `${folder}.p12`;
  writeFileSync(file, p12);
  const pem = await run("openssl", ["pkcs12", "-in", file, "-passin", `pass:${password}`, "-nodes"]);
  const part = (label: string) => {
    const found = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`).exec(pem)?.[0];
    if (!found) throw new Error(`no ${label} in the package`);
    return found;
  };
  return { key: createPrivateKey(part("PRIVATE KEY")), certificate: new X509Certificate(part("CERTIFICATE")) };
}

/** How a secret could be written in a request: as it is, in hexadecimal, in Base64 wherever it begins. */
function writings(secret: Buffer): Buffer[] {
  const shifted = [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), secret]).toString("base64");
    // Without the characters that its neighbours have a part in.
    const sure = text.slice(shift === 0 ? 0 : 4, -4);
    return [sure, sure.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const hex = secret.toString("hex");
  return [secret, ...[hex, hex.toUpperCase(), ...shifted].map((text) => Buffer.from(text))];
}

/** Asks for a certificate from within the page, as its scripts do. */
function post(page: Page, csr: string) {
  return page.evaluate(async (csr) => {
    const answer = await fetch(`${location.pathname}/csr`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ csr }),
    });
    return { status: answer.status, text: await answer.text() };
  }, csr);
}

test("the key is made in the page, and only the request travels", async ({ server, mail, people }, info) => {
  const { requester, link } = await approved({ server, mail, people });
  const sent = listen(requester.context());
  const requestsTo = (pattern: RegExp) => sent.filter((request) => pattern.test(request.url));

  await hydrated(requester, link);
  await expect(requester.getByText("Your key is made in this page")).toBeVisible();
  expect(requestsTo(MODULE), "the module before it is needed").toEqual([]);
  const first = await save(requester, info.outputPath("first"), PASSWORD);
  expect(first.file).toMatch(/^certificate-.*\.zip$/);
  await expect(requester.getByText("is in your downloads")).toBeVisible();
  expect(requestsTo(MODULE)).toHaveLength(2);

  const { key, certificate } = await opened(info.outputPath("first"), first.p12, PASSWORD);
  const secret = Buffer.from(key.export({ format: "jwk" }).d ?? "", "base64url");
  expect(secret).toHaveLength(32);
  await test.step("no request carries the key or the password", () => {
    const changing = sent.filter((request) => request.method !== "GET").map(({ url }) => new URL(url).pathname);
    expect(changing).toEqual([`${new URL(link).pathname}/csr`]);
    for (const { url, bytes } of sent) {
      for (const written of [...writings(secret), ...writings(Buffer.from(PASSWORD))])
        expect(bytes.includes(written), url).toBe(false);
      expect(bytes.includes("PRIVATE KEY"), url).toBe(false);
    }
  });

  await test.step("the machine that imports the package gets in", async () => {
    const machine = await people.machine("laptop", { p12: first.p12, password: PASSWORD });
    await machine.goto(`${server.machines}/certificate-test`);
    await expect(machine.getByText("This machine’s certificate is good")).toBeVisible();
  });

  await test.step("pressed again, it is the same certificate with another password", async () => {
    const second = await save(requester, info.outputPath("second"), "quite another password");
    const again = await opened(info.outputPath("second"), second.p12, "quite another password");
    expect(again.certificate.fingerprint256).toBe(certificate.fingerprint256);
  });

  await test.step("the same request again is answered alike, another one is refused", async () => {
    people.expected.push(/status of 410/);
    const posted = sent.filter((request) => request.method === "POST").map((request) => request.bytes);
    const body = JSON.parse(posted[0]?.toString().split("\n").at(-1) ?? "") as { csr: string };
    const same = await post(requester, body.csr);
    expect(same.status).toBe(200);
    expect(new X509Certificate(same.text).fingerprint256).toBe(certificate.fingerprint256);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"];
    const another = await post(requester, await run("openssl", ["req", "-new", ...curve, "-subj", "/CN=x"]));
    expect(another.status).toBe(410);
  });

  await test.step("after a reload the page says where the key is", async () => {
    await hydrated(requester, link);
    await expect(requester.getByText("Its key is only in the file")).toBeVisible();
    await expect(requester.getByRole("button", { name: "Download" })).toHaveCount(0);
  });
});

test("another browser gives the match code, and a wrong one is reported at its field", async ({
  server,
  mail,
  people,
}, info) => {
  people.expected.push(/status of 403/);
  const { code, link } = await approved({ server, mail, people });
  const elsewhere = await people.visitor();
  await hydrated(elsewhere, link);
  await elsewhere.getByLabel("A password for the file").fill("too short");
  await elsewhere.getByLabel("Your match code").fill("2222-2222");
  await elsewhere.getByRole("button", { name: "Download" }).click();
  await expect(elsewhere.getByText("Use at least 12 characters.")).toBeVisible();
  await elsewhere.getByLabel("A password for the file").fill(PASSWORD);
  await elsewhere.getByRole("button", { name: "Download" }).click();
  await expect(elsewhere.getByText("Enter the match code you were shown")).toBeVisible();
  await elsewhere.getByLabel("Your match code").fill(code);
  const { p12 } = await save(elsewhere, info.outputPath("package"), PASSWORD);
  await opened(info.outputPath("package"), p12, PASSWORD);
});

test("an answer that gets lost costs nothing: the page asks again with the same request", async ({
  server,
  mail,
  people,
}, info) => {
  people.expected.push(/ERR_FAILED/);
  const { requester, link } = await approved({ server, mail, people });
  await hydrated(requester, link);
  let certified = "";
  await requester.route(/\/csr$/, async (route) => {
    certified = await (await route.fetch()).text();
    await route.abort();
  });
  await requester.getByLabel("A password for the file").fill(PASSWORD);
  await requester.getByRole("button", { name: "Download" }).click();
  await expect(requester.getByRole("alert").filter({ hasText: "cannot be reached" })).toBeVisible();
  await requester.unroute(/\/csr$/);
  const { p12 } = await save(requester, info.outputPath("package"), PASSWORD);
  const { certificate } = await opened(info.outputPath("package"), p12, PASSWORD);
  expect(certificate.fingerprint256).toBe(new X509Certificate(certified).fingerprint256);
});

test("without the module the page says so, and the next press has the server make the key", async ({
  server,
  mail,
  people,
}, info) => {
  people.expected.push(/ERR_FAILED/);
  const { requester, link } = await approved({ server, mail, people });
  const sent = listen(requester.context());
  await requester.route(MODULE, (route) => route.abort());
  await hydrated(requester, link);
  await requester.getByLabel("A password for the file").fill(PASSWORD);
  await requester.getByRole("button", { name: "Download" }).click();
  const alert = requester.getByRole("alert").filter({ hasText: "did not load" });
  await expect(alert).toContainText("the server makes the key");
  expect(sent.filter(({ method }) => method === "POST"), "nothing was spent").toEqual([]);
  const { p12 } = await save(requester, info.outputPath("package"), PASSWORD);
  await opened(info.outputPath("package"), p12, PASSWORD);
});

test("without scripts the server makes the key, says so, and hands it over once", async ({
  server,
  mail,
  people,
}, info) => {
  const { requester, link } = await approved({ server, mail, people }, { scripts: false });
  await requester.goto(link);
  await expect(requester.getByText("The server makes the key, puts it in the file")).toBeVisible();
  const { p12 } = await save(requester, info.outputPath("package"), PASSWORD);
  await opened(info.outputPath("package"), p12, PASSWORD);
  await requester.goto(link);
  await expect(requester.getByText("The certificate was downloaded")).toBeVisible();
});
