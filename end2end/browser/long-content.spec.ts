// The longest that strangers and administrators can type, without spaces, wide and right to left: nothing is pushed out of
// view, on any page that shows it, from a phone to a wide screen.
import { type APIRequestContext, type Page, request } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { hydrated } from "../actions.ts";
import { Administrator, firstAdministrator } from "../provision.ts";
import type { Server } from "../server.ts";

const WIDTHS = [320, 390, 768, 1024, 1440];
/** 64 + 1 + 133 characters. */
const LONG_ADDRESS = `${"w".repeat(64)}@${"x".repeat(60)}.${"y".repeat(60)}.example.org`;
const NAMES = ["W".repeat(64), "漢".repeat(64), "ا".repeat(64)];

test("the longest content widens no page and hides no action", async ({ server, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  const admin = await chief.shareSession(await people.visitor());
  const api = admin.request;
  const statuses = await askForAccess(server);
  const ids = await requestIds(api, server);
  await post(api, server, "/app/access/approve", { id: ids[0] ?? "" });
  await post(api, server, "/app/access/reject", { id: ids[1] ?? "", reason: "R".repeat(500) });
  const mode = await saveMode(api, server);

  const panel = [
    "/admin",
    "/admin/requests",
    ...ids.map((id) => `/admin/requests/${id}`),
    "/admin/certificates",
    "/admin/people",
    "/admin/models",
    "/admin/workflows",
    "/admin/modes",
    `/admin/modes/${mode}`,
    "/admin/outbox",
    `/admin/decide?ids%5B%5D=${ids[2]}`,
  ];
  for (const path of panel) {
    await hydrated(admin, path);
    await expectToFit(admin, path);
  }
  await admin.setViewportSize({ width: 1024, height: 768 });
  await hydrated(admin, `/admin/requests/${ids[2]}`);
  await admin.getByRole("button", { name: "Approve…", exact: true }).click();
  await expect(admin.getByRole("dialog")).toBeVisible();
  await expectToFit(admin, "the question before approving");

  const requester = await people.visitor();
  const filled = `/request-access?device_name=${"W".repeat(64)}`;
  for (const path of [...statuses, filled]) {
    await requester.goto(path);
    await expectToFit(requester, path);
  }
  await chief.close();
});

test("at 1024 pixels an ordinary certificate can be revoked", async ({ server, mail, people }) => {
  const chief = await Administrator.signedIn(server, await firstAdministrator(server));
  await chief.issue(mail, LONG_ADDRESS);
  const admin = await chief.shareSession(await people.visitor());
  await admin.setViewportSize({ width: 1024, height: 768 });
  await hydrated(admin, "/admin/certificates");
  await expect(admin.getByRole("button", { name: /^Revoke the certificate of/ })).toBeInViewport({ ratio: 1 });
  await expectToFit(admin, "/admin/certificates");
  await chief.close();
});

/** One request per kind of name; returns the paths of their status pages. */
async function askForAccess(server: Server): Promise<string[]> {
  const client = await request.newContext({ baseURL: server.pages, extraHTTPHeaders: { origin: server.pages } });
  const paths: string[] = [];
  for (const [index, device_name] of NAMES.entries()) {
    const email = index === 0 ? LONG_ADDRESS : `${"w".repeat(63)}${index}@${LONG_ADDRESS.split("@")[1]}`;
    const data = { email, platform: "linux", device_name, message: "M".repeat(500) };
    const answer = await client.post("/public/request-access", { data });
    expect(answer.ok(), await answer.text()).toBe(true);
    paths.push(new URL(((await answer.json()) as { status_url: string }).status_url).pathname);
  }
  await client.dispose();
  return paths;
}

async function requestIds(api: APIRequestContext, server: Server): Promise<string[]> {
  const answer = await api.get(`${server.pages}/admin/api/access-requests`);
  return ((await answer.json()) as { rows: { id: string }[] }).rows.map((row) => row.id);
}

async function saveMode(api: APIRequestContext, server: Server): Promise<string> {
  const saved = await post(api, server, "/app/mode/save", {
    "mode[id]": "",
    "mode[name]": "N".repeat(60),
    "mode[description]": "D".repeat(200),
    "mode[prompt]": "P".repeat(2_000),
    "mode[temperature]": "0.3",
    "mode[position]": "9",
    "mode[version]": "0",
    "mode[enabled]": "true",
  });
  return (JSON.parse(saved) as { id: string }).id;
}

async function post(
  api: APIRequestContext,
  server: Server,
  path: string,
  form: Record<string, string>,
): Promise<string> {
  const headers = { accept: "application/json", origin: server.pages };
  const answer = await api.post(server.pages + path, { form, headers });
  const text = await answer.text();
  expect(answer.ok(), text).toBe(true);
  return text;
}

/** No sideways scrolling, of the page or of a table; no column of the first priority hidden; every action within the page. */
async function expectToFit(page: Page, what: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    const faults = await page.evaluate(() => {
      const found: string[] = [];
      const root = document.documentElement;
      if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth - innerWidth} px too wide`);
      for (const table of Array.from(document.querySelectorAll("[role=region]:has(table)"))) {
        if (table.scrollWidth > table.clientWidth) found.push("a table scrolls sideways");
      }
      for (const cell of Array.from(document.querySelectorAll<HTMLElement>("td[data-priority='1']"))) {
        // On a small screen, an open request is a page of its own: its list is hidden as a whole.
        if (cell.closest("[role=region]")?.getClientRects().length === 0) continue;
        if (cell.getClientRects().length === 0) found.push(`hidden: ${cell.innerText.slice(0, 40)}`);
      }
      const controls = ":is(main, nav) :is(button, a, input, select, textarea)";
      for (const control of Array.from(document.querySelectorAll<HTMLElement>(controls))) {
        const { left, right, width } = control.getBoundingClientRect();
        const inForm = control.closest("[hidden], .sr-only") === null && !control.matches(".sr-only");
        if (width > 0 && inForm && (left < -1 || right > innerWidth + 1)) {
          found.push(`out of view: ${control.outerHTML.slice(0, 80)}`);
        }
      }
      const dialog = document.querySelector("dialog[open]");
      if (dialog && dialog.scrollWidth > dialog.clientWidth) found.push("the dialog scrolls sideways");
      return found;
    });
    expect.soft(faults, `${what} at ${width} px`).toEqual([]);
  }
}
