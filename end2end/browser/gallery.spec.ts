// A picture of every page, in light and dark, from a phone to a wide screen, in target/gallery, to be looked at. That no page
// logs an error is checked here too; `pages.spec.ts` and `long-content.spec.ts` check the rest.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { type Page, request } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { hydrated } from "../actions.ts";
import { Administrator, firstAdministrator } from "../provision.ts";
import type { Server } from "../server.ts";

const GALLERY = join(import.meta.dirname, "../../target/gallery");
const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
  { width: 390, height: 844 },
  { width: 320, height: 640 },
];

test("every page, as a picture", async ({ server, mail, people }) => {
  mkdirSync(GALLERY, { recursive: true });
  const visitor = await people.visitor();
  await hydrated(visitor, server.setupLink);
  await pictures(visitor, "setup");

  const account = await firstAdministrator(server);
  const chief = await Administrator.signedIn(server, account);
  for (const name of ["anna", "ben", "cleo"]) await chief.issue(mail, `${name}@example.org`);
  await chief.revoke("cleo@example.org");
  const statuses: string[] = [];
  for (const [n, [name, device]] of Object.entries(PEOPLE).entries()) {
    statuses.push(await ask(server, name, device, n % 2 === 0 ? "windows" : "linux"));
  }
  const admin = await chief.shareSession(await people.visitor());
  const rows = (await (await admin.request.get(`${server.pages}/admin/api/access-requests`)).json()) as {
    rows: { id: string; state: string }[];
  };
  const waiting = rows.rows.find((row) => row.state === "pending")?.id;

  for (const [name, path] of [
    ["home", "/"],
    ["request-access", "/request-access"],
    ["request-access-expired", "/request-access?reason=expired"],
    ["status", statuses[0] ?? ""],
    ["login", "/login"],
    ["login-code", "/login?step=code"],
    ["certificate-test", "/certificate-test"],
  ] as const) {
    await hydrated(visitor, path);
    await pictures(visitor, name);
  }
  for (const [name, path] of [
    ["panel-overview", "/admin"],
    ["panel-requests", "/admin/requests"],
    ["panel-requests-none", "/admin/requests?search=nothing"],
    ["panel-request", `/admin/requests/${waiting}`],
    ["panel-certificates", "/admin/certificates"],
    ["panel-people", "/admin/people"],
    ["panel-person-new", "/admin/people/new"],
    ["panel-modes", "/admin/modes"],
    ["panel-mode", "/admin/modes/new"],
    ["panel-models", "/admin/models"],
    ["panel-model", "/admin/models/new"],
    ["panel-workflows", "/admin/workflows"],
    ["panel-workflow", "/admin/workflows/new"],
    ["panel-policy", "/admin/policy"],
    ["panel-groups", "/admin/groups"],
    ["panel-use", "/admin/use"],
    ["panel-outbox", "/admin/outbox"],
    ["account", "/account"],
    ["account-ledger", "/account/ledger"],
  ] as const) {
    await hydrated(admin, path);
    await pictures(admin, name);
  }
  await hydrated(admin, "/admin/requests");
  await admin.keyboard.press("Control+k");
  await expect(admin.getByRole("combobox", { name: /^A page/ })).toBeFocused();
  await admin.keyboard.type("ann");
  await expect(admin.getByRole("option", { name: /anna@example.org/ }).first()).toBeVisible();
  await pictures(admin, "panel-palette");
  await admin.keyboard.press("Escape");
  await admin.keyboard.press("?");
  await expect(admin.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await pictures(admin, "panel-shortcuts");
  await admin.keyboard.press("Escape");
  await admin.getByRole("button", { name: /^Account/ }).click();
  await pictures(admin, "panel-account-menu");
  await hydrated(admin, `/admin/requests/${waiting}`);
  await admin.keyboard.press("a");
  await expect(admin.getByRole("dialog", { name: /^Approve/ })).toBeVisible();
  await pictures(admin, "panel-approve");
  await chief.close();
});

const PEOPLE: Record<string, string> = {
  "dora.lindqvist": "Reception, ground floor",
  emil: "Emil’s laptop",
  "frida.andersson-holm": "Dr. Andersson, ward 3, second desk by the window",
  gustav: "",
  "ines.łukasiewicz": "Büro Süd 12",
};

async function ask(server: Server, name: string, device_name: string, platform: string): Promise<string> {
  const client = await request.newContext({ baseURL: server.pages, extraHTTPHeaders: { origin: server.pages } });
  const email = `${name.replace("ł", "l")}@clinic.example.org`;
  const data = { email, platform, device_name: device_name || undefined, message: "I started on Monday, on ward 3." };
  const answer = await client.post("/public/request-access", { data });
  expect(answer.ok(), await answer.text()).toBe(true);
  const { status_url } = (await answer.json()) as { status_url: string };
  await client.dispose();
  return new URL(status_url).pathname;
}

async function pictures(page: Page, name: string): Promise<void> {
  for (const size of SIZES) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const path = join(GALLERY, `${name}-${size.width}-${colorScheme}.png`);
      await page.screenshot({ path, animations: "disabled" });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize({ width: 1280, height: 720 });
}
