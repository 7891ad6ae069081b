// The main job, steps 1 to 7: from a new server to an answer about a real screenshot, with a real
// certificate in a real browser.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "../fixtures.ts";
import {
  approve,
  requestAccess,
  download,
  hydrated,
  linkIn,
  reject,
  setUp,
  signIn,
  signInOnMachine,
} from "../actions.ts";
import { checkAppearance } from "../appearance.ts";
import { run } from "../process.ts";
import { compilerError } from "../screen.ts";

const FILE_PASSWORD = "a password for the file";

test("from a new server to an answer about a screenshot", async ({ server, mail, people }, info) => {
  const admin = await people.visitor();
  const chief =
    await test.step("1. the first administrator sets up password and second factor", async () => {
      const account = await setUp(
        admin,
        server.setupLink,
        "chief@example.org",
        "several words make a password",
      );
      expect(new Set(account.recoveryCodes).size).toBeGreaterThanOrEqual(8);
      await signIn(admin, account);
      return account;
    });

  const requester = await people.visitor();
  const code =
    await test.step("2. a requester asks, the administrator compares the code and approves", async () => {
      const code = await requestAccess(requester, "anna@example.org", "Ubuntu", "Anna's laptop");
      await approve(admin, "anna@example.org", code);
      return code;
    });

  const link =
    await test.step("3. the mail with the link arrives over SMTP, without the match code", async () => {
      const sent = await mail.mailTo("anna@example.org", /approved/i);
      expect(sent.text).not.toContain(code);
      return linkIn(sent);
    });

  const p12 =
    await test.step("4. the link gives its package once, and only to the browser that asked", async () => {
      const stranger = await people.visitor();
      await stranger.goto(link);
      await expect(stranger.getByLabel("Your match code")).toBeVisible();
      const { p12, file } = await download(requester, link, info.outputPath("package"), FILE_PASSWORD);
      expect(file).toMatch(/\.zip$/);
      const again = await fetch(link, {
        method: "POST",
        body: new URLSearchParams({ platform: "linux", password: FILE_PASSWORD }),
        redirect: "manual",
      });
      // No package, but the way back to the page that says what is missing.
      expect(again.status).toBe(303);
      expect(again.headers.get("location")).toMatch(/\?problem=match-code$/);
      return p12;
    });

  let assistant = "";
  const anna = await test.step("4b. the page leads the new person to their own sign-in", async () => {
    await requester.goto(link);
    const href = await requester.getByRole("link", { name: "Set up your sign-in" }).getAttribute("href");
    assistant = (await requester.getByRole("link", { name: /^https:/ }).getAttribute("href")) ?? "";
    const words = "other words make another one";
    return setUp(requester, new URL(href ?? "", server.pages).href, "anna@example.org", words);
  });

  const { picture, words } = await compilerError(info.outputDir);
  writeFileSync(info.outputPath("screen.png"), picture);

  await test.step("5. the native interface, as a script uses it", async () => {
    writeFileSync(info.outputPath("machine.p12"), p12);
    writeFileSync(info.outputPath("ca.pem"), await (await fetch(`${server.pages}/ca.pem`)).text());
    const files = ["ca.pem", "machine.p12", "screen.png"].map((name) => info.outputPath(name));
    const output = await run("bash", [join(import.meta.dirname, "../native.sh"), server.machines, ...files], {
      ...process.env,
      P12_PASSWORD: FILE_PASSWORD,
      ACCOUNT: anna.email,
      PASSWORD: anna.password,
      CODE: await anna.authenticator.code(),
      QUESTION: "Why does it not compile?",
    });
    expect(output).toContain("General");
    expect(output).toContain("event: done");
    for (const word of words) expect(output).toContain(word);
  });

  await test.step("5b. a machine without a certificate is sent to the request page", async () => {
    const bare = await people.machine("bare");
    await bare.goto(`${server.machines}/sidebar`);
    await expect(bare).toHaveURL(/\/request-access\?reason=missing/);
  });

  await test.step("6. and 7. the sidebar answers about the picture, step by step", async () => {
    const sidebar = await people.machine("laptop", { p12, password: FILE_PASSWORD });
    await hydrated(sidebar, assistant);
    await signInOnMachine(sidebar, anna);
    await sidebar.getByRole("combobox", { name: "Mode" }).selectOption({ label: "Coding Assistant" });
    await sidebar
      .getByLabel("Choose a picture")
      .setInputFiles({ name: "screen.png", mimeType: "image/png", buffer: picture });
    await sidebar.getByRole("textbox", { name: "Question" }).fill("Why does it not compile?");
    await sidebar.getByRole("button", { name: "Ask", exact: true }).click();
    const answer = sidebar.getByLabel("Answer", { exact: true });
    for (const word of words) await expect(answer).toContainText(word, { timeout: 60_000 });
    await expect(answer).toContainText(/no model/i);
    await checkAppearance(sidebar, "sidebar-answer");
  });

  expect(chief.recoveryCodes).not.toContain("");
});

test("without a mail server the mail with the link is copied from the outbox", async ({
  servers,
  peopleAt,
}, info) => {
  const server = await servers.start({ folder: info.outputPath("server"), mailPort: undefined });
  const people = peopleAt(server);
  const admin = await people.visitor();
  const words = "several words make a password";
  await signIn(admin, await setUp(admin, server.setupLink, "chief@example.org", words));
  const requester = await people.visitor();
  const code = await requestAccess(requester, "anna@example.org", "Ubuntu", "Anna's laptop");
  await approve(admin, "anna@example.org", code, "There is no mail server: copy the link for the requester");

  await admin.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await hydrated(admin, "/admin/outbox");
  const mail = admin.getByRole("listitem").filter({ hasText: "Your access request was approved" });
  await mail.getByText("To anna@example.org").click();
  await mail.getByRole("button", { name: "Copy the mail’s text" }).click();
  await expect(mail.getByText("Copied")).toBeVisible();
  const text = await admin.evaluate(() => navigator.clipboard.readText());
  await mail.getByRole("button", { name: "Mark as sent" }).click();
  await expect(mail.getByText("Sent", { exact: true })).toBeVisible();
  const { p12 } = await download(requester, linkIn({ text }), info.outputPath("package"), FILE_PASSWORD);
  const machine = await people.machine("laptop", { p12, password: FILE_PASSWORD });
  await hydrated(machine, `${server.machines}/sidebar`);
  await expect(machine.getByLabel("E-mail address")).toBeVisible();
});

test("asking works with scripts off, and a rejection is shown with its reason", async ({
  server,
  mail,
  people,
}) => {
  const admin = await people.visitor();
  await signIn(
    admin,
    await setUp(admin, server.setupLink, "chief@example.org", "several words make a password"),
  );
  const requester = await people.visitor({ scripts: false });
  const code = await requestAccess(requester, "berta@example.org", "Windows", "Front desk");
  await reject(admin, "berta@example.org", code, "Use the machine that you have.");
  await requester.reload();
  await expect(requester.getByText("Use the machine that you have.")).toBeVisible();
  const sent = await mail.mailTo("berta@example.org", /./);
  expect(sent.text).not.toContain(code);
});
