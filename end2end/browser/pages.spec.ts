// Every page as people see it, and the job of an administrator by keyboard alone.
import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import {
  approve,
  requestAccess,
  download,
  hydrated,
  linkIn,
  MATCH_CODE,
  setUp,
  signIn,
  signInOnMachine,
} from "../actions.ts";
import { checkAppearance } from "../appearance.ts";

const FILE_PASSWORD = "a password for the file";

test("every page fits, reads in light and dark, and is accessible", async ({ server, mail, people }, info) => {
  test.setTimeout(300_000);
  const admin = await people.visitor();
  await hydrated(admin, server.setupLink);
  await checkAppearance(admin, "setup");
  const account = await setUp(admin, server.setupLink, "chief@example.org", "several words make a password");
  await checkAppearance(admin, "recovery-codes");
  await signIn(admin, account);

  const requester = await people.visitor();
  for (const [name, path] of [
    ["home", "/"],
    ["request-access", "/request-access"],
    ["request-access-expired", "/request-access?reason=expired"],
    ["login", "/login"],
    ["certificate-test", "/certificate-test"],
  ] as const) {
    await hydrated(requester, path);
    await checkAppearance(requester, name);
  }
  const late = await people.visitor();
  const end = { name: "aiwe_certificate_end", value: "1767225600" };
  await late.context().addCookies([{ ...end, url: server.pages }]);
  await hydrated(late, "/request-access?reason=missing");
  await expect(late.getByText("ended on 2026-01-01")).toBeVisible();
  await checkAppearance(late, "request-access-ended");
  const code = await requestAccess(requester, "anna@example.org", "Ubuntu", "Anna's laptop");
  await checkAppearance(requester, "status-pending");
  await requestAccess(await people.visitor(), "ben.with-a-rather-long-name@clinic.example.org", "Windows", "Front desk");

  await hydrated(admin, "/admin/requests");
  await checkAppearance(admin, "panel-requests");
  await approve(admin, "anna@example.org", code);
  const link = linkIn(await mail.mailTo("anna@example.org", /approved/i));
  await hydrated(requester, link);
  await checkAppearance(requester, "download");
  const { p12 } = await download(requester, link, info.outputPath("package"), FILE_PASSWORD);
  await hydrated(requester, link);
  await checkAppearance(requester, "download-used");
  const setupLink = await requester.getByRole("link", { name: "Set up your sign-in" }).getAttribute("href");
  const anna = await setUp(
    requester,
    new URL(setupLink ?? "", server.pages).href,
    "anna@example.org",
    "other words make another one",
  );

  for (const [name, path] of [
    ["panel-overview", "/admin"],
    ["panel-request", "/admin/requests?state=approved"],
    ["panel-certificates", "/admin/certificates"],
    ["panel-certificates-none", "/admin/certificates?search=nothing"],
    ["panel-people", "/admin/people"],
    ["panel-people-none", "/admin/people?search=nothing"],
    ["panel-person-new", "/admin/people/new"],
    ["panel-modes", "/admin/modes"],
    ["panel-outbox", "/admin/outbox"],
  ] as const) {
    await hydrated(admin, path);
    await checkAppearance(admin, name);
  }

  await hydrated(admin, "/admin/modes");
  await admin.getByRole("link", { name: "Coding Assistant" }).click();
  await expect(admin.getByLabel("Name")).toHaveValue("Coding Assistant");
  await checkAppearance(admin, "panel-mode");

  const sidebar = await people.machine("laptop", { p12, password: FILE_PASSWORD });
  await hydrated(sidebar, `${server.machines}/sidebar`);
  await expect(sidebar.getByLabel("E-mail address")).toBeVisible();
  await checkAppearance(sidebar, "sidebar-sign-in");
  await signInOnMachine(sidebar, anna);
  await checkAppearance(sidebar, "sidebar");
});

test("a link on another site opens the panel for somebody who is signed in", async ({ server, people }) => {
  const admin = await people.visitor();
  const account = await setUp(admin, server.setupLink, "chief@example.org", "several words make a password");
  await signIn(admin, account);
  // As in webmail: the page of another site, and a click.
  const target = `${server.pages}/admin/requests?state=waiting`;
  await admin.goto(`data:text/html,<a href="${target}">Review requests</a>`);
  await admin.getByRole("link", { name: "Review requests" }).click();
  await expect(admin.getByRole("heading", { name: "Requests", level: 1 })).toBeVisible();
  expect(admin.url()).toContain("/admin/requests");
});

test("an administrator signs in, decides and revokes by keyboard alone", async ({
  server,
  mail,
  people,
}, info) => {
  const admin = await people.visitor();
  const account = await setUp(admin, server.setupLink, "chief@example.org", "several words make a password");
  const requester = await people.visitor();
  const code = await requestAccess(requester, "anna@example.org", "Ubuntu", "Anna's laptop");

  await hydrated(admin, "/login");
  await reach(admin, "textbox", "E-mail address");
  await admin.keyboard.type(account.email);
  await admin.keyboard.press("Tab");
  await admin.keyboard.type(account.password);
  await admin.keyboard.press("Enter");
  await expect(admin.getByLabel("Code")).toBeFocused();
  await admin.keyboard.type(await account.authenticator.code());
  await admin.keyboard.press("Enter");
  await expect(admin).toHaveURL(/\/admin/);

  await hydrated(admin, "/admin");
  await reach(admin, "link", "anna@example.org");
  await admin.keyboard.press("Enter");
  await expect(admin.getByText(MATCH_CODE).first()).toBeVisible();
  await reach(admin, "button", "Approve…");
  await admin.keyboard.press("Enter");
  const dialog = admin.getByRole("dialog", { name: "Approve anna@example.org" });
  await expect(dialog.getByText(code)).toBeVisible();
  await admin.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(admin.getByRole("button", { name: "Approve…" }), "focus comes back").toBeFocused();
  await admin.keyboard.press("Enter");
  await reach(admin, "button", "The codes match: approve");
  await admin.keyboard.press("Enter");
  await expect(admin.getByText("The link was mailed to the requester")).toBeVisible();

  const link = linkIn(await mail.mailTo("anna@example.org", /approved/i));
  await download(requester, link, info.outputPath("package"), FILE_PASSWORD);
  await hydrated(admin, "/admin/certificates");
  await reach(admin, "button", "Revoke the certificate of Anna's laptop, anna@example.org");
  await admin.keyboard.press("Enter");
  const question = admin.getByRole("dialog", { name: "Revoke the certificate of “Anna's laptop”" });
  await expect(question.getByRole("button", { name: "Keep the certificate" })).toBeFocused();
  const offCentre = async () => {
    const { y, height } = (await question.boundingBox()) ?? { y: 0, height: 0 };
    return Math.abs((admin.viewportSize()?.height ?? 0) - height - 2 * y);
  };
  await expect.poll(offCentre, "the question stands in the middle").toBeLessThan(3);
  await reach(admin, "combobox", "Reason");
  await admin.keyboard.type("Lost, st");
  await reach(admin, "textbox", "Note (optional)");
  await admin.keyboard.type("Left on a train.");
  await reach(admin, "button", "Revoke the certificate");
  await admin.keyboard.press("Enter");
  await expect(question).toBeHidden();
  const row = admin.getByRole("row").filter({ hasText: "anna@example.org" });
  await expect(row.getByText("Revoked", { exact: true })).toBeVisible();
  await expect(row.getByText("Lost, stolen or copied · Left on a train.")).toBeVisible();
  await expect(row.getByRole("button")).toHaveCount(0);
  const notice = await mail.mailTo("anna@example.org", /was revoked/);
  expect(notice.text).toContain("lost, stolen or copied");
  expect(notice.text).toContain("> Left on a train.");
});

test("light or dark is chosen with a press, and the choice stays", async ({ people }) => {
  for (const scripts of [true, false]) {
    await test.step(scripts ? "with scripts" : "without scripts", async () => {
      const page = await people.visitor({ scripts });
      await page.emulateMedia({ colorScheme: "light" });
      const open = () => (scripts ? hydrated(page, "/request-access") : page.goto("/request-access"));
      const choice = page.getByRole("group", { name: "Appearance" });
      const button = (name: string) => choice.getByRole("button", { name });
      const shown = async () => {
        // Without scripts each press opens the page anew, and its style sheet arrives after its first lines.
        await page.waitForLoadState();
        return page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      };
      const expectChosen = async (name: string) => {
        await expect(button(name)).toHaveAttribute("aria-pressed", "true");
        await expect(page).toHaveURL("/request-access");
      };
      await open();
      await expectChosen("system");
      const light = await shown();

      await button("dark").click();
      await expectChosen("dark");
      const dark = await shown();
      expect(dark).not.toBe(light);
      await open();
      await expectChosen("dark");
      expect(await shown()).toBe(dark);

      // The choice goes over the system's.
      await button("light").click();
      await expectChosen("light");
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await shown()).toBe(light);
      await button("system").click();
      await expectChosen("system");
      expect(await shown()).toBe(dark);
      await open();
      await expectChosen("system");
    });
  }
});

test("a form is sent once however often it is pressed, and again when there was no answer for ten seconds", async ({
  people,
}) => {
  const requester = await people.visitor();
  await requester.clock.install();
  await hydrated(requester, "/request-access");
  let posts = 0;
  await requester.route("**/app/access/submit", (route) => {
    posts += 1;
    // No page follows, as when the person has stopped the browser.
    return route.abort("aborted");
  });
  await requester.getByLabel("Your e-mail address").fill("anna@example.org");
  await requester.getByRole("radio", { name: "Ubuntu" }).check();
  await requester.getByLabel("A name for this machine").fill("Anna's laptop");
  const button = requester.getByRole("button", { name: "Request access" });
  for (let presses = 0; presses < 3; presses += 1) await button.click();
  await expect(button).toHaveAttribute("aria-busy", "true");
  expect(posts).toBe(1);

  await requester.clock.runFor(10_000);
  await expect(button).not.toHaveAttribute("aria-busy");
  await button.click();
  await expect.poll(() => posts).toBe(2);
});

/** Presses Tab until the control has the focus; every stop on the way shows where the focus is. */
async function reach(page: Page, role: "button" | "combobox" | "link" | "textbox", name: string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true });
  await expect(wanted.first()).toBeVisible();
  for (let presses = 0; presses < 60; presses += 1) {
    const focused = page.locator(":focus");
    if ((await focused.count()) > 0) {
      if (await wanted.first().evaluate((control) => control === document.activeElement)) return;
      const seen = await focused.evaluate((control) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(control);
        return (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
      });
      expect.soft(seen || presses === 0, `the focus is seen after ${presses} presses`).toBe(true);
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`the ${role} “${name}” is not reached by Tab`);
}
