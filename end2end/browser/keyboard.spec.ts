// The panel by its keys: rows, the opened request, the palette, and the filter that applies as it is typed.
import { expect, test } from "../fixtures.ts";
import { hydrated, requestAccess } from "../actions.ts";
import { Administrator, firstAdministrator } from "../provision.ts";

test("rows are walked, opened, selected and closed by keys, and the focus comes back", async ({ server, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const requester = await people.visitor();
  for (const name of ["anna", "ben"]) await requestAccess(requester, `${name}@example.org`, "Ubuntu", "Laptop");
  const admin = await chief.shareSession(await people.visitor());
  await hydrated(admin, "/admin/requests");
  const link = (name: string) => admin.getByRole("link", { name: `${name}@example.org` });

  await admin.keyboard.press("j");
  await expect(link("ben"), "the newest is first").toBeFocused();
  await admin.keyboard.press("j");
  await expect(link("anna")).toBeFocused();
  await admin.keyboard.press("j");
  await expect(link("anna"), "there is no further row").toBeFocused();
  await admin.keyboard.press("k");
  await expect(link("ben")).toBeFocused();
  await admin.keyboard.press("x");
  await expect(admin.getByRole("checkbox", { name: "Select ben@example.org" })).toBeChecked();
  await admin.keyboard.press("x");

  await link("ben").focus();
  await admin.keyboard.press("Enter");
  const opened = admin.getByRole("region", { name: "Opened request" });
  await expect(opened.getByRole("heading", { name: "Request" })).toBeFocused();
  await expect(opened.getByText("ben@example.org", { exact: true })).toBeVisible();
  await admin.keyboard.press("a");
  await expect(admin.getByRole("dialog", { name: "Approve ben@example.org" })).toBeVisible();
  await admin.keyboard.press("r");
  await expect(admin.getByRole("dialog", { name: /^Reject/ }), "no key reaches behind a question").toBeHidden();
  await admin.keyboard.press("Escape");
  await expect(admin.getByRole("dialog")).toHaveCount(0);
  await expect(opened, "Esc closes one thing at a time").toBeVisible();
  await admin.keyboard.press("Escape");
  await expect(opened).toHaveCount(0);
  await expect(link("ben")).toBeFocused();

  // Below 1024 pixels, an open request is a page of its own.
  await admin.setViewportSize({ width: 800, height: 900 });
  await admin.keyboard.press("Enter");
  await expect(opened).toBeVisible();
  await expect(link("anna")).toBeHidden();
  await chief.close();
});

test("the palette finds pages, people and machines, and the sheet lists the keys", async ({ server, mail, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  await chief.issue(mail, "anna@example.org");
  const admin = await chief.shareSession(await people.visitor());
  await hydrated(admin, "/admin");
  await admin.keyboard.press("Control+k");
  const search = admin.getByRole("combobox", { name: "A page, a person, a machine or a request" });
  await expect(search).toBeFocused();
  await admin.keyboard.type("certif");
  await expect(admin.getByRole("option", { name: /Certificates/ })).toHaveAttribute("aria-selected", "true");
  await admin.keyboard.press("Enter");
  await expect(admin.getByRole("heading", { name: "Certificates", level: 1 })).toBeVisible();

  await admin.keyboard.press("Control+k");
  await expect(search).toHaveValue("");
  await admin.keyboard.type("anna");
  const options = admin.getByRole("option");
  await expect(options.filter({ hasText: "Person" })).toHaveCount(1);
  await expect(options.filter({ hasText: "Machine" })).toContainText("Test machine");
  await options.filter({ hasText: "Machine" }).click();
  await expect(admin).toHaveURL(/certificates\?search=/);
  await expect(admin.getByRole("row")).toHaveCount(2);

  await admin.keyboard.press("?");
  const sheet = admin.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(sheet.getByText("Search this page")).toBeVisible();
  await admin.keyboard.press("Escape");
  await expect(sheet).toBeHidden();
  await chief.close();
});

test("a filter applies as it is typed, and a code is found as it is read out", async ({ server, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const requester = await people.visitor();
  await requestAccess(requester, "anna@example.org", "Ubuntu", "Laptop");
  const code = await requestAccess(requester, "ben@example.org", "Ubuntu", "Laptop");
  const admin = await chief.shareSession(await people.visitor());
  await hydrated(admin, "/admin/requests");
  await admin.keyboard.press("/");
  const search = admin.getByRole("searchbox", { name: "Address, machine or code" });
  await expect(search).toBeFocused();
  await search.pressSequentially(code.replace("-", " ").toLowerCase());
  await expect(admin.getByRole("link", { name: "anna@example.org" })).toHaveCount(0);
  await expect(admin.getByRole("link", { name: "ben@example.org" })).toBeVisible();
  await expect(search, "what is typed stays as it is").toHaveValue(code.replace("-", " ").toLowerCase());
  await admin.getByRole("combobox", { name: "State" }).selectOption("Rejected");
  await expect(admin.getByText("No matching requests")).toBeVisible();
  await admin.getByRole("link", { name: "Show all requests" }).click();
  await expect(admin.getByRole("link", { name: "anna@example.org" })).toBeVisible();
  await expect(search).toHaveValue("");
  await chief.close();
});

test("the account's menu works without scripts", async ({ server, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const admin = await chief.shareSession(await people.visitor({ scripts: false }));
  await admin.goto("/admin/people");
  await admin.getByRole("button", { name: /^Account/ }).click();
  await admin.getByRole("button", { name: "Sign out" }).click();
  await admin.goto("/admin");
  await expect(admin).toHaveURL(/\/login/);
  await chief.close();
});
