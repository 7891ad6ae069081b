// A mail scanner opens every link before the person does: it fetches, renders, and presses every control. Nothing is
// spent or locked when the person comes afterwards.
import { createPrivateKey } from "node:crypto";
import { writeFileSync } from "node:fs";

import type { Page } from "@playwright/test";

import { DAY } from "../clock.ts";
import { expect, test } from "../fixtures.ts";
import { approve, requestAccess, download, hydrated, linkIn, save, setUp, signIn } from "../actions.ts";
import type { Mail } from "../mail.ts";
import { run } from "../process.ts";
import { Administrator, firstAdministrator } from "../provision.ts";
import { GUESSES, linksIn, EMPTY, Scanner, WORDS } from "../scanner.ts";
import type { Server } from "../server.ts";

const PASSWORD = "a password for the file";
const WRONG_CODE = "Wrong match code entered";

// Scanner and person have one address here, which they do not have in life.
const settings = { AIWE_LIMITS__LINKS_PER_MINUTE: "100000" };
test.use({ settings });

test("a scanner that presses everything spends nothing and locks nobody out", async ({
  server,
  mail,
  people,
}, info) => {
  people.expected.push(/status of 4\d\d/);
  const admin = await administrator(await people.visitor(), server);
  const [anna, ben] = [await people.visitor(), await people.visitor()];
  const codes = {
    anna: await requestAccess(anna, "anna@example.org", "Ubuntu", "Anna's laptop"),
    ben: await requestAccess(ben, "ben@example.org", "Ubuntu", "Ben's laptop"),
  };
  const scanner = new Scanner(people);
  const gotNothing = () => {
    expect(scanner.received).toEqual([]);
    const leaked = scanner.shown.filter(({ text }) => Object.values(codes).some((code) => text.includes(code)));
    expect(leaked, "pages that showed a match code").toEqual([]);
  };

  await test.step("the mails about requests that wait", async () => {
    const arrived = await mail.mailTo("anna@example.org", /received/);
    const [status] = await scanner.scan(arrived, EMPTY, WORDS);
    expect(status).toContain("/public/request-status/");
    const [panel] = await scanner.scan(await mail.mailTo("chief@example.org", /access request/), WORDS);
    expect(panel).toContain("/admin");
    expect(scanner.posted).toContain("/app/people/sign-in");
    gotNothing();
  });

  // Each must still wait for that.
  await approve(admin, "anna@example.org", codes.anna);
  await approve(admin, "ben@example.org", codes.ben);

  const mails = {
    anna: await mail.mailTo("anna@example.org", /approved/),
    ben: await mail.mailTo("ben@example.org", /approved/),
  };
  await test.step("the mails with the links", async () => {
    for (const [sent, ...answers] of [[mails.anna, EMPTY, WORDS] as const, [mails.ben, WORDS] as const]) {
      await scanner.scan(sent, ...answers);
      const { pathname } = new URL(linkIn(sent));
      // By the page's script, and by its form.
      expect(scanner.posted).toEqual(expect.arrayContaining([`${pathname}/csr`, pathname]));
    }
    gotNothing();
    for (const name of ["anna", "ben"]) {
      expect(await historyOf(admin, `${name}@example.org`)).toEqual([
        "Requested access",
        "Approved by chief@example.org",
      ]);
      await expectCertificates(admin, `${name}@example.org`, 0);
    }
  });

  await test.step("the asking browser gets its package", async () => {
    const { p12 } = await download(anna, linkIn(mails.anna), info.outputPath("anna"), PASSWORD);
    await expectKey(p12, info.outputPath("anna.p12"));
    await expectCertificates(admin, "anna@example.org", 1);
  });

  await test.step("another browser gets the other by the match code", async () => {
    const elsewhere = await people.visitor();
    await hydrated(elsewhere, linkIn(mails.ben));
    await elsewhere.getByLabel("Your match code").fill(codes.ben);
    const { p12 } = await save(elsewhere, info.outputPath("ben"), PASSWORD);
    await expectKey(p12, info.outputPath("ben.p12"));
  });

  await test.step("the link to the sign-in", async () => {
    await anna.goto(linkIn(mails.anna));
    await anna.getByRole("link", { name: "Set up your sign-in" }).click();
    await expect(anna).toHaveURL(/\/setup\//);
    const link = anna.url();
    await scanner.open(link, WORDS);
    expect(scanner.posted).toContain("/app/people/set-up");
    const account = await setUp(anna, link, "anna@example.org", "other words make another one");
    expect(account.recoveryCodes.join("")).not.toBe("");
  });

  await test.step("links that are spent", async () => {
    await scanner.scan(mails.anna, WORDS);
    expect(scanner.posted).toContain("/app/access/ask-link");
    gotNothing();
    expect(await historyOf(admin, "anna@example.org")).toEqual([
      "Requested access",
      "Approved by chief@example.org",
      "Certificate issued",
    ]);
  });
});

test("a scanner that guesses match codes closes only the way by code, and the administrator sees it", async ({
  server,
  mail,
  people,
}, info) => {
  people.expected.push(/status of 4\d\d/);
  const admin = await administrator(await people.visitor(), server);
  const asking = { anna: await people.visitor(), ben: await people.visitor() };
  const sent = {} as Record<keyof typeof asking, Mail>;
  const codes = {} as Record<keyof typeof asking, string>;
  const scanner = new Scanner(people);
  for (const name of ["anna", "ben"] as const) {
    const email = `${name}@example.org`;
    codes[name] = await requestAccess(asking[name], email, "Ubuntu", "Laptop");
    await approve(admin, email, codes[name]);
    sent[name] = await mail.mailTo(email, /approved/);
  }

  await test.step("the history shows it to the administrator, and every attempt after the tenth is refused", async () => {
    await scanner.scan(sent.anna, GUESSES);
    const tries = (await historyOf(admin, "anna@example.org")).filter((entry) => entry === WRONG_CODE);
    expect(tries.length, "tries by pressing alone").toBeGreaterThan(0);
    for (const name of ["anna", "ben"] as const) {
      await scanner.postForms(linkIn(sent[name]), GUESSES, 11);
      const history = await historyOf(admin, `${name}@example.org`);
      expect(history.filter((entry) => entry === WRONG_CODE)).toHaveLength(10);
    }
    expect(scanner.received).toEqual([]);
  });

  await test.step("the right code does not help any more, with scripts or without", async () => {
    for (const scripts of [true, false]) {
      const elsewhere = await people.visitor({ scripts });
      await elsewhere.goto(linkIn(sent.ben));
      if (scripts) await expect(elsewhere.locator("html[data-hydrated]")).toBeAttached();
      await elsewhere.getByRole("radio", { name: "Ubuntu" }).check();
      await elsewhere.getByLabel("A password for the file").fill(PASSWORD);
      await elsewhere.getByLabel("Your match code").fill(codes.ben);
      await elsewhere.getByRole("button", { name: "Download" }).click();
      await expect(elsewhere.getByText("Too many wrong match codes")).toBeVisible();
      await expect(elsewhere.getByText("ask an administrator for a new link")).toBeVisible();
    }
  });

  await test.step("the asking browser gets its package all the same", async () => {
    const { p12 } = await download(asking.anna, linkIn(sent.anna), info.outputPath("anna"), PASSWORD);
    await expectKey(p12, info.outputPath("anna.p12"));
  });

  await test.step("a new link takes the code again, also after the scanner was there", async () => {
    await openRequest(admin, "ben@example.org");
    await admin.getByRole("button", { name: "Send a new link…" }).click();
    await admin.getByRole("button", { name: "Send a new link", exact: true }).click();
    const again = await mail.mailTo("ben@example.org", /new link/);
    await scanner.scan(again, WORDS);
    expect(scanner.received).toEqual([]);
    const elsewhere = await people.visitor();
    await hydrated(elsewhere, linkIn(again));
    await elsewhere.getByLabel("Your match code").fill(codes.ben);
    const { p12 } = await save(elsewhere, info.outputPath("ben"), PASSWORD);
    await expectKey(p12, info.outputPath("ben.p12"));
  });
});

test("a scanner gets nothing by the link to a machine's next certificate, and the machine does", async ({
  servers,
  mail,
  peopleAt,
}, info) => {
  // 80 of a certificate's 90 days ago.
  const [folder, past] = [info.outputPath("server"), -80 * DAY];
  const young = await servers.start({ folder, ahead: past });
  const account = await firstAdministrator(young, past);
  const chief = await Administrator.signedIn(young, account, past);
  const identity = await chief.issue(mail, "anna@example.org");
  await chief.close();
  await young.stop();

  const server = await servers.start({ folder, initialised: true, settings });
  const people = peopleAt(server);
  people.expected.push(/status of 4\d\d/);
  const sent = await mail.mailTo("anna@example.org", /expires soon/);
  expect(linksIn(sent)).toEqual([linkIn(sent)]);
  const scanner = new Scanner(people);
  await scanner.scan(sent, EMPTY, WORDS);
  const { pathname } = new URL(linkIn(sent));
  // A browser without the certificate shows no form, which keeps nobody from sending it.
  expect(scanner.posted).toContain(pathname);
  expect(scanner.received).toEqual([]);

  const machine = await people.machine("laptop", identity);
  const { p12 } = await download(machine, linkIn(sent), info.outputPath("next"), PASSWORD);
  await expectKey(p12, info.outputPath("next.p12"));
});

async function administrator(page: Page, server: Server): Promise<Page> {
  const words = "several words make a password";
  await signIn(page, await setUp(page, server.setupLink, "chief@example.org", words));
  return page;
}

async function openRequest(admin: Page, email: string): Promise<void> {
  await hydrated(admin, "/admin/requests");
  await admin.getByRole("link", { name: email }).click();
  await expect(admin.getByRole("region", { name: "History" })).toBeVisible();
}

/** The history of somebody's request as the panel shows it, without the times. */
async function historyOf(admin: Page, email: string): Promise<string[]> {
  await openRequest(admin, email);
  const entries = admin.getByRole("region", { name: "History" }).getByRole("listitem");
  const texts = await entries.allInnerTexts();
  return texts.map((text) => text.split("\n")[0]?.trim() ?? "");
}

/** How many certificates of somebody the panel lists. */
async function expectCertificates(admin: Page, email: string, number: number): Promise<void> {
  await hydrated(admin, `/admin/certificates?search=${encodeURIComponent(email)}`);
  await expect(admin.getByRole("row").filter({ hasText: email })).toHaveCount(number);
}

/** Whether the package holds a key that its password opens. */
async function expectKey(p12: Buffer, file: string): Promise<void> {
  writeFileSync(file, p12);
  const only = ["-nodes", "-nocerts"];
  const pem = await run("openssl", ["pkcs12", "-in", file, "-passin", `pass:${PASSWORD}`, ...only]);
  expect(createPrivateKey(pem).asymmetricKeyType).toBe("ec");
}
