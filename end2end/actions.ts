// The actions of administrators and requesters in the browser, with elements found by role and label.
import { readFileSync } from "node:fs";

import type { Page } from "@playwright/test";

import { expect } from "./fixtures.ts";
import type { Mail } from "./mail.ts";
import { run } from "./process.ts";
import { Authenticator } from "./totp.ts";

export const MATCH_CODE = /^[2-9A-Z]{4}-[2-9A-Z]{4}$/;

export interface Account {
  email: string;
  password: string;
  authenticator: Authenticator;
  recoveryCodes: string[];
}

/** `/setup/{token}`: chooses a password, connects an authenticator, keeps the recovery codes. */
export async function setUp(page: Page, link: string, email: string, password: string): Promise<Account> {
  await hydrated(page, link);
  await expect(page.getByRole("img", { name: /QR code/ })).toBeVisible();
  const secret = await page.getByText(/^([A-Z2-7]{4} )+[A-Z2-7]{1,4}$/).innerText();
  const authenticator = new Authenticator(secret);
  const address = page.getByLabel("Your e-mail address");
  if (await address.isVisible()) await address.fill(email);
  await page.getByLabel("Choose a password").fill(password);
  await page.getByLabel("Code", { exact: true }).fill(await authenticator.code());
  await page.getByRole("button", { name: "Set up" }).click();
  const codes = page.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  await expect(codes.first()).toBeVisible();
  const recoveryCodes = await codes.allInnerTexts();
  await page.getByLabel("I’ve saved these").check();
  return { email, password, authenticator, recoveryCodes };
}

/** `/login`: password, then code. */
export async function signIn(page: Page, { email, password, authenticator }: Account): Promise<void> {
  await hydrated(page, "/login");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Code").fill(await authenticator.code());
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/admin/);
}

/** `/sidebar`: signs in on a machine. `code`: of the authenticator, which is used without one, or a recovery code. */
export async function signInOnMachine(page: Page, account: Account, code?: string): Promise<void> {
  await page.getByLabel("E-mail address").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(account.password);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Code").fill(code ?? (await account.authenticator.code()));
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("combobox", { name: "Mode" })).toBeVisible();
}

/** `/request-access`: submits the form and returns the match code. Works with scripts off. */
export async function requestAccess(page: Page, email: string, system: string, device: string): Promise<string> {
  await page.goto("/request-access");
  await page.getByLabel("Your e-mail address").fill(email);
  await page.getByRole("radio", { name: system }).check();
  await page.getByLabel("A name for this machine").fill(device);
  await page.getByRole("button", { name: "Request access" }).click();
  const code = page.getByText(MATCH_CODE);
  await expect(code).toBeVisible();
  return code.innerText();
}

/** The administrator finds the request by its address, compares the code, and approves. The panel says where the link is. */
export async function approve(
  page: Page,
  email: string,
  code: string,
  link = "The link was mailed to the requester",
): Promise<void> {
  await openRequest(page, email, code);
  await page.getByRole("button", { name: "Approve…" }).click();
  const dialog = page.getByRole("dialog", { name: `Approve ${email}` });
  await expect(dialog.getByText(code)).toBeVisible();
  await dialog.getByRole("button", { name: "The codes match: approve" }).click();
  await expect(page.getByText(link)).toBeVisible();
}

/** The administrator rejects the request with a reason. */
export async function reject(page: Page, email: string, code: string, reason: string): Promise<void> {
  await openRequest(page, email, code);
  await page.getByRole("button", { name: "Reject…" }).click();
  const dialog = page.getByRole("dialog", { name: `Reject the request of ${email}` });
  await dialog.getByLabel("Reason").fill(reason);
  await dialog.getByRole("button", { name: "Reject the request" }).click();
  await expect(dialog).toBeHidden();
}

/** The link in the mail about an approved request. */
export function linkIn(mail: Pick<Mail, "text">): string {
  const link = /https?:\/\/\S+\/public\/download-certs\/[\w-]+/.exec(mail.text ?? "")?.[0];
  if (!link) throw new Error(`no link in the mail:\n${mail.text}`);
  return link;
}

export interface Downloaded {
  /** The name under which the browser saves it. */
  file: string;
  p12: Buffer;
}

/**
 * `/public/download-certs/{token}`: chooses Ubuntu and a password, gets the package and unpacks it into
 * `folder`. Works once, and with scripts off.
 */
export async function download(
  page: Page,
  link: string,
  folder: string,
  password: string,
): Promise<Downloaded> {
  await open(page, link);
  return save(page, folder, password);
}

/** The same on the page that is open already. */
export async function save(page: Page, folder: string, password: string): Promise<Downloaded> {
  await page.getByRole("radio", { name: "Ubuntu" }).check();
  await page.getByLabel("A password for the file").fill(password);
  const started = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  const got = await started;
  await run("unzip", ["-q", "-d", folder, await got.path()]);
  const p12 = (await run("find", [folder, "-name", "*.p12"])).trim();
  return { file: got.suggestedFilename(), p12: readFileSync(p12) };
}

/** Opens a page and waits until its scripts run (`hydration.ts`), so that nothing typed or pressed is lost. */
export async function hydrated(page: Page, address: string): Promise<void> {
  await open(page, address);
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
}

/** A status page reloads itself once its request is decided, which can cut off what is opened just then. */
export async function open(page: Page, address: string): Promise<void> {
  await expect(() => page.goto(address)).toPass({ timeout: 15_000 });
}

async function openRequest(page: Page, email: string, code: string): Promise<void> {
  await hydrated(page, "/admin");
  const row = page.getByRole("listitem").filter({ hasText: email });
  await expect(row.getByText(code)).toBeVisible();
  await row.getByRole("link", { name: email }).click();
}
