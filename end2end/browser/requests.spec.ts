// The administrator's list of requests in real Chromium: several decided at once, by keyboard and with scripts off,
// and new ones that appear while the page is open.
import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { approve, requestAccess, download, hydrated, linkIn, open, setUp, signIn } from "../actions.ts";
import type { Server } from "../server.ts";

async function administrator(page: Page, server: Server): Promise<Page> {
  const words = "several words make a password";
  await signIn(page, await setUp(page, server.setupLink, "chief@example.org", words));
  return page;
}

async function pressEnterOn(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).focus();
  await page.keyboard.press("Enter");
}

const box = (page: Page, email: string) => page.getByRole("checkbox", { name: `Select ${email}` });

test("several requests are approved by keyboard alone", async ({ server, mail, people }) => {
  const admin = await administrator(await people.visitor(), server);
  const requester = await people.visitor();
  const codes: string[] = [];
  for (const name of ["anna", "ben", "cleo"]) {
    codes.push(await requestAccess(requester, `${name}@example.org`, "Ubuntu", `${name}'s laptop`));
  }
  await hydrated(admin, "/admin/requests?state=pending");
  await box(admin, "anna@example.org").focus();
  await admin.keyboard.press("Space");
  // Enter in a box neither decides nor leaves the page.
  await admin.keyboard.press("Enter");
  await expect(box(admin, "anna@example.org")).toBeChecked();
  await box(admin, "ben@example.org").focus();
  await admin.keyboard.press("Space");
  await expect(admin.getByText("2 selected")).toBeVisible();
  const summary = admin.locator("summary").filter({ hasText: "Approve…" });
  await summary.focus();
  await admin.keyboard.press("Enter");
  const question = admin.locator("details[open]");
  for (const code of codes.slice(0, 2)) await expect(question.getByText(code)).toBeVisible();
  await expect(question.getByText("cleo@example.org")).toHaveCount(0);
  await admin.keyboard.press("Tab");
  await admin.keyboard.press("Tab");
  const button = question.getByRole("button", { name: "The codes match: approve" });
  await button.focus();
  await admin.keyboard.press("Enter");
  await expect(admin.getByText("2 requests approved")).toBeVisible();
  await expect(box(admin, "anna@example.org")).toHaveCount(0);
  await expect(box(admin, "cleo@example.org")).not.toBeChecked();
  for (const name of ["anna", "ben"]) {
    expect(linkIn(await mail.mailTo(`${name}@example.org`, /approved/i))).toContain("/public/download-certs/");
  }
});

test("with scripts off the list is a form, and one reason goes to everybody", async ({
  server,
  mail,
  people,
}) => {
  const withScripts = await administrator(await people.visitor(), server);
  const requester = await people.visitor();
  for (const name of ["anna", "ben"]) await requestAccess(requester, `${name}@example.org`, "Windows", "Front desk");
  const admin = await people.visitor({ scripts: false });
  await admin.context().addCookies(await withScripts.context().cookies());
  await admin.goto("/admin/requests?state=pending");
  // The bar is there only while something is ticked.
  await expect(admin.locator("summary").filter({ hasText: "Reject…" })).toBeHidden();
  await box(admin, "anna@example.org").check();
  await box(admin, "ben@example.org").check();
  // Enter in a box sends the form, but decides nothing.
  await box(admin, "ben@example.org").press("Enter");
  await expect(admin.getByText("Choose approve or reject")).toBeVisible();
  for (const name of ["anna", "ben"]) await expect(box(admin, `${name}@example.org`)).toBeChecked();
  await admin.locator("summary").filter({ hasText: "Reject…" }).click();
  await admin.getByLabel("Reason for all of them").fill("The course has ended.");
  await admin.getByRole("button", { name: "Reject them" }).click();
  await expect(admin.getByText("2 requests rejected")).toBeVisible();
  for (const name of ["anna", "ben"]) {
    const sent = await mail.mailTo(`${name}@example.org`, /rejected/i);
    expect(sent.text).toContain("The course has ended.");
  }
});

test("new requests appear by themselves, and nothing that was ticked or typed is lost", async ({
  server,
  people,
}) => {
  const admin = await administrator(await people.visitor(), server);
  const overview = await admin.context().newPage();
  await hydrated(overview, "/admin");
  await expect(overview.getByText("Nobody is waiting")).toBeVisible();
  const requester = await people.visitor();
  await requestAccess(requester, "anna@example.org", "Ubuntu", "Laptop");
  // A tab in front of the other hides it; hidden ones ask nothing.
  await overview.bringToFront();
  await expect(overview.getByRole("link", { name: "anna@example.org" })).toBeVisible({ timeout: 30_000 });

  await admin.bringToFront();
  await hydrated(admin, "/admin/requests?state=pending");
  await box(admin, "anna@example.org").check();
  await admin.locator("summary").filter({ hasText: "Reject…" }).click();
  const reason = admin.getByLabel("Reason for all of them");
  await reason.fill("Half a sent");
  await requestAccess(requester, "ben@example.org", "Ubuntu", "Laptop");
  await expect(box(admin, "ben@example.org")).toBeVisible({ timeout: 30_000 });
  await expect(admin.getByRole("status").filter({ hasText: "1 new request since" })).toBeVisible();
  await expect(box(admin, "anna@example.org")).toBeChecked();
  await expect(box(admin, "ben@example.org")).not.toBeChecked();
  await expect(reason).toHaveValue("Half a sent");
  await expect(reason).toBeFocused();
});

test("a look-alike is pointed out in the list and where it is decided, and gets nothing of the other's", async ({
  server,
  mail,
  people,
}) => {
  const admin = await administrator(await people.visitor(), server);
  const [requester, mimic] = [await people.visitor(), await people.visitor()];
  const code = await requestAccess(requester, "modern@example.org", "Ubuntu", "Laptop");
  const other = await requestAccess(mimic, "modem@example.org", "Ubuntu", "Laptop");
  expect(other).not.toBe(code);
  await hydrated(admin, "/admin/requests?state=pending");
  const row = admin.getByRole("row").filter({ has: box(admin, "modem@example.org") });
  await expect(row.getByText("Looks like modern@example.org, which has asked for access too.")).toBeVisible();
  await row.getByRole("link", { name: "modem@example.org" }).click();
  await admin.getByRole("button", { name: "Approve…", exact: true }).click();
  const dialog = admin.getByRole("dialog", { name: "Approve modem@example.org" });
  await expect(dialog.getByText("Looks like modern@example.org")).toBeVisible();
  await expect(dialog.getByText(other)).toBeVisible();
  await expect(dialog.getByText(code)).toHaveCount(0);

  // The right one is approved: by the code that its requester reads out.
  await approve(admin, "modern@example.org", code);
  const link = linkIn(await mail.mailTo("modern@example.org", /approved/));
  await hydrated(admin, "/admin/requests?state=pending");
  await expect(row.getByText("Looks like modern@example.org, which has an account.")).toBeVisible();
  await mimic.goto(link);
  await expect(mimic.getByLabel("Your match code"), "its own request is not this one").toBeVisible();
  await open(requester, link);
  await expect(requester.getByRole("button", { name: "Download" })).toBeVisible();
  await expect(requester.getByLabel("Your match code")).toHaveCount(0);
  const toMimic = mail.mails().filter((sent) => sent.to.includes("modem@example.org"));
  expect(toMimic.map((sent) => sent.subject).filter((subject) => /approved/.test(subject))).toEqual([]);
});

test("a lost link is replaced by keyboard alone, and the request shows its history", async ({
  server,
  mail,
  people,
}) => {
  const admin = await administrator(await people.visitor(), server);
  const requester = await people.visitor();
  await requestAccess(requester, "anna@example.org", "Ubuntu", "Laptop");
  await hydrated(admin, "/admin/requests");
  const press = (name: string) => pressEnterOn(admin, name);
  await admin.getByRole("link", { name: "anna@example.org" }).focus();
  await admin.keyboard.press("Enter");
  await press("Approve…");
  await press("The codes match: approve");
  const first = linkIn(await mail.mailTo("anna@example.org", /was approved/));
  await press("Send a new link…");
  const question = admin.getByRole("dialog", { name: "Send anna@example.org a new link" });
  // The safe answer has the focus; Esc leaves.
  await expect(question.getByRole("button", { name: "Cancel" })).toBeFocused();
  await admin.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await press("Send a new link…");
  await press("Send a new link");
  const second = linkIn(await mail.mailTo("anna@example.org", /new link/));
  expect(second).not.toBe(first);

  const history = admin.getByRole("region", { name: "History" }).getByRole("listitem");
  await expect(history).toHaveCount(3);
  await expect(history.nth(0)).toContainText("Requested access");
  await expect(history.nth(1)).toContainText("Approved by chief@example.org");
  await expect(history.nth(2)).toContainText("New link sent by chief@example.org");

  // The old link says that there is a newer one.
  people.expected.push(/status of 410/);
  await open(requester, first);
  await expect(requester.getByText("There is a newer link")).toBeVisible();
  await requester.goto(second);
  await expect(requester.getByRole("button", { name: "Download" })).toBeVisible();
});

test("a request for a new link is declined by keyboard alone, and its holder is notified with the reason", async ({
  server,
  mail,
  people,
}, info) => {
  people.expected.push(/status of 410/);
  const admin = await administrator(await people.visitor(), server);
  const requester = await people.visitor();
  const code = await requestAccess(requester, "anna@example.org", "Ubuntu", "Laptop");
  await approve(admin, "anna@example.org", code);
  const link = linkIn(await mail.mailTo("anna@example.org", /was approved/));
  await download(requester, link, info.outputPath("package"), "a password for the file");
  await open(requester, link);
  await requester.getByRole("button", { name: "Ask for a new link" }).click();
  await expect(requester.getByText("You asked for a new link")).toBeVisible();

  await hydrated(admin, "/admin/requests");
  const press = (name: string) => pressEnterOn(admin, name);
  await admin.getByRole("link", { name: "anna@example.org" }).focus();
  await admin.keyboard.press("Enter");
  await press("Decline…");
  const question = admin.getByRole("dialog", { name: "Send anna@example.org no new link" });
  await expect(question.getByRole("button", { name: "Cancel" })).toBeFocused();
  await admin.keyboard.press("Shift+Tab");
  await expect(question.getByLabel("Reason (optional)")).toBeFocused();
  await admin.keyboard.type("The first file is good.");
  await press("Decline to send one");
  await expect(question).toBeHidden();
  const history = admin.getByRole("region", { name: "History" }).getByRole("listitem");
  await expect(history.last()).toContainText("New link declined by chief@example.org");
  await expect(admin.getByRole("button", { name: "Decline…" })).toHaveCount(0);

  const notice = await mail.mailTo("anna@example.org", /No new link/);
  expect(notice.text).toContain("> The first file is good.");
  await open(requester, link);
  await expect(requester.getByText("You asked for a new link")).toHaveCount(0);
  await expect(requester.getByRole("button", { name: "Ask for a new link" })).toHaveCount(0);
});
