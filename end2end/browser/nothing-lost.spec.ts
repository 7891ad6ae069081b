// A session that ends, a network that is cut and somebody who is faster: nothing that was typed is lost.
import { expect, test } from "../fixtures.ts";
import { hydrated, requestAccess } from "../actions.ts";
import { Administrator, firstAdministrator } from "../provision.ts";

test("a dialog keeps its text while the session or the network is away", async ({ server, people }) => {
  people.expected.push(/ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of 401/);
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const admin = await chief.shareSession(await people.visitor());
  await requestAccess(await people.visitor(), "anna@example.org", "Ubuntu", "Laptop");
  await hydrated(admin, "/admin/requests");
  await admin.getByRole("link", { name: "anna@example.org" }).click();
  await admin.getByRole("button", { name: "Reject…", exact: true }).click();
  const dialog = admin.getByRole("dialog");
  const reason = dialog.getByLabel("Reason");
  await reason.fill("The course has ended.");
  const reject = dialog.getByRole("button", { name: "Reject the request" });

  await admin.context().setOffline(true);
  await reject.click();
  await expect(dialog.getByRole("alert").filter({ hasText: "reach the server" })).toBeVisible();
  await expect(reason).toHaveValue("The course has ended.");
  await admin.context().setOffline(false);

  const cookies = await admin.context().cookies();
  await admin.context().clearCookies();
  await reject.click();
  await expect(dialog.getByRole("link", { name: "Sign in again in a new tab" })).toBeVisible();
  await expect(reason).toHaveValue("The course has ended.");
  await admin.context().addCookies(cookies);
  await reject.click();
  await expect(dialog).toBeHidden();
  await expect(admin.getByText("The course has ended.")).toBeVisible();
  await chief.close();
});

test("the mode editor keeps what was typed, asks before leaving, and shows both versions of a conflict", async ({
  server,
  people,
}) => {
  people.expected.push(/status of 409/);
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const admin = await chief.shareSession(await people.visitor());
  await hydrated(admin, "/admin/modes");
  await admin.getByRole("link", { name: "Coding Assistant" }).click();
  const description = admin.getByLabel("Description");
  await expect(admin.getByLabel("Name")).toHaveValue("Coding Assistant");
  const address = admin.url();
  await description.fill("My description");
  await expect(admin.getByText("Unsaved changes")).toBeVisible();

  // Staying is the answer to an accidental press.
  admin.once("dialog", (question) => void question.dismiss());
  await admin.getByRole("link", { name: "All modes" }).click();
  await expect(admin).toHaveURL(address);
  await expect(description).toHaveValue("My description");

  await hydrated(admin, address);
  await expect(admin.getByText("Your unsaved changes are back")).toBeVisible();
  await expect(description).toHaveValue("My description");

  const other = await chief.shareSession(await people.visitor());
  await hydrated(other, address);
  await other.getByLabel("Description").fill("Their description");
  await other.getByRole("button", { name: "Save mode" }).click();
  await expect(other).toHaveURL(/\/admin\/modes$/);

  await admin.getByRole("button", { name: "Save mode" }).click();
  const conflict = admin.getByRole("alert").filter({ hasText: "Somebody else saved this mode" });
  await expect(conflict.getByText("Their description")).toBeVisible();
  await expect(description).toHaveValue("My description");
  await admin.getByRole("button", { name: "Save mode" }).click();
  await expect(admin).toHaveURL(/\/admin\/modes$/);
  await hydrated(admin, address);
  await expect(description, "mine, by my decision").toHaveValue("My description");
  await expect(admin.getByText("Your unsaved changes are back")).toHaveCount(0);
  await chief.close();
});

test("with scripts off a request is approved from its own page", async ({ server, mail, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const admin = await chief.shareSession(await people.visitor({ scripts: false }));
  const code = await requestAccess(await people.visitor(), "anna@example.org", "Ubuntu", "Laptop");
  await admin.goto("/admin/requests?state=pending");
  await admin.getByRole("link", { name: "anna@example.org" }).click();
  await admin.getByRole("button", { name: "Approve…", exact: true }).click();
  const question = admin.getByRole("region", { name: "Approve anna@example.org" });
  await expect(question.getByText(code)).toBeVisible();
  await question.getByRole("button", { name: "The codes match: approve" }).click();
  await expect(admin.getByText("The link was mailed to the requester")).toBeVisible();
  await mail.mailTo("anna@example.org", /approved/);

  const second = await requestAccess(await people.visitor(), "ben@example.org", "Ubuntu", "Laptop");
  await admin.goto("/admin/requests?state=pending");
  await admin.getByRole("checkbox", { name: "Select ben@example.org" }).check();
  await admin.locator("summary").filter({ hasText: "Approve…" }).click();
  await admin.getByRole("button", { name: "Compare the codes…" }).click();
  await expect(admin.getByText(second)).toBeVisible();
  await admin.getByRole("button", { name: "The codes match: approve" }).click();
  await expect(admin.getByText("1 request approved")).toBeVisible();
  await chief.close();
});
