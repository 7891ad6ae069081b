// Mails that cannot be delivered.
import { expect, test } from "../fixtures.ts";
import { requestAccess, hydrated } from "../actions.ts";
import { Administrator, firstAdministrator } from "../provision.ts";

test("the keyboard goes on where it was when what it pressed is gone", async ({ server, mail, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const admin = await chief.shareSession(await people.visitor());
  const requesters = ["anna@example.org", "ben@example.org", "cleo@example.org"];
  mail.refuse(...requesters);
  for (const email of requesters) await requestAccess(await people.visitor(), email, "Ubuntu", "Laptop");
  const given = (email: string) =>
    admin.getByRole("listitem").filter({ hasText: `To ${email}` }).filter({ hasText: "Failed" });
  await expect(async () => {
    await hydrated(admin, "/admin/outbox");
    for (const email of requesters) await expect(given(email)).toHaveCount(1, { timeout: 1_000 });
  }).toPass();

  const row = admin.getByRole("listitem").filter({ hasText: "To ben@example.org" });
  await row.locator("summary").focus();
  await admin.keyboard.press("Enter");
  await row.getByRole("button", { name: "Mark as sent" }).focus();
  await admin.keyboard.press("Enter");
  await expect(admin.getByText("Marked as sent")).toBeVisible();
  await expect(row.getByText("Sent", { exact: true })).toBeVisible();
  await expect(row.getByText("An administrator has sent this mail.")).toBeAttached();
  await admin.keyboard.press("Tab");
  await expect(row.locator("summary")).toBeFocused();
  await chief.close();
});

test("a mail that the mail server refused is sent again by a button", async ({ server, mail, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const admin = await chief.shareSession(await people.visitor());
  mail.refuse("anna@example.org");
  await requestAccess(await people.visitor(), "anna@example.org", "Ubuntu", "Anna's laptop");

  const dead = admin.getByRole("listitem").filter({ hasText: "To anna@example.org" });
  // The list does not change by itself, and the mail may still be on its way.
  await expect(async () => {
    await hydrated(admin, "/admin/outbox?state=dead");
    await expect(dead).toHaveCount(1, { timeout: 1_000 });
  }).toPass();
  await expect(dead.getByText("Failed", { exact: true })).toBeVisible();
  await dead.getByText("To anna@example.org").click();
  await expect(
    dead.getByText("1 attempt. The last attempt failed: the mail server answered 550"),
  ).toBeVisible();

  mail.refuse();
  await dead.getByRole("button", { name: "Retry" }).click();
  await expect(admin.getByText("The mail will be sent again")).toBeVisible();
  await expect(dead).toHaveCount(0);
  await mail.mailTo("anna@example.org", /received/);
  await chief.close();
});
