// Provisions accounts and certificates by plain HTTP, for tests that do not test provisioning itself.
import { type APIRequestContext, type APIResponse, type Page, request } from "@playwright/test";

import { type Account, linkIn } from "./actions.ts";
import type { Identity } from "./machine.ts";
import type { MailServer } from "./mail.ts";
import type { Server } from "./server.ts";
import { Authenticator } from "./totp.ts";

export const FILE_PASSWORD = "a password for the file";
const WORDS = "several words make a password";

/** Creates the first administrator. `ahead`: by how many seconds the server's clock is ahead. */
export async function firstAdministrator(server: Server, ahead = 0): Promise<Account> {
  const visitor = await client(server);
  const email = "chief@example.org";
  const token = server.setupLink.split("/").at(-1) ?? "";
  const offer = await visitor.post("/app/people/offer", { form: { token } }).then(expectOk);
  const { totp_secret } = (await offer.json()) as { totp_secret: string };
  const authenticator = new Authenticator(totp_secret);
  const form = { token, email, password: WORDS, code: await authenticator.code(ahead) };
  const codes = await visitor.post("/app/people/set-up", { form }).then(expectOk);
  const recoveryCodes = (await codes.json()) as string[];
  await visitor.dispose();
  return { email, password: WORDS, authenticator, recoveryCodes };
}

/** An administrator who is signed in. */
export class Administrator {
  private readonly server: Server;
  private readonly client: APIRequestContext;

  private constructor(server: Server, client: APIRequestContext) {
    this.server = server;
    this.client = client;
  }

  static async signedIn(server: Server, account: Account, ahead = 0): Promise<Administrator> {
    const visitor = await client(server);
    const { email, password, authenticator } = account;
    await visitor.post("/app/people/sign-in", { form: { email, password } }).then(expectOk);
    const form = { code: await authenticator.code(ahead) };
    await visitor.post("/app/people/second-factor", { form }).then(expectOk);
    return new Administrator(server, visitor);
  }

  /** Requests access, approves the request, and downloads the package by the link in the mail. */
  async issue(mail: MailServer, email: string): Promise<Identity> {
    return { p12: await this.package(mail, email, "macos"), password: FILE_PASSWORD };
  }

  /** The same, as the file that a system gets. Its password is `FILE_PASSWORD`. */
  async package(mail: MailServer, email: string, platform: "linux" | "macos" | "windows"): Promise<Buffer> {
    const person = await client(this.server);
    const data = { email, platform, device_name: "Test machine" };
    await person.post("/public/request-access", { data }).then(expectOk);
    const all = "/admin/api/access-requests";
    const found = await this.client.get(all, { params: { search: email } }).then(expectOk);
    const { rows } = (await found.json()) as { rows: { id: string }[] };
    await this.client.post(`${all}/${rows[0]?.id}/approve`).then(expectOk);
    const link = linkIn(await mail.mailTo(email, /approved/));
    const form = { platform, password: FILE_PASSWORD };
    const file = await (await person.post(link, { data: form }).then(expectOk)).body();
    await person.dispose();
    return file;
  }

  /** Revokes every certificate of somebody. */
  async revoke(email: string): Promise<void> {
    const form = { search: email, page: 0 };
    const found = await this.client.post("/app/certificate/list", { form }).then(expectOk);
    const { rows } = (await found.json()) as { rows: { id: string }[] };
    if (rows.length === 0) throw new Error(`${email} has no certificate`);
    for (const { id } of rows) {
      const form = { id, reason: "key-compromise", words: "lost" };
      await this.client.post("/app/certificate/revoke", { form }).then(expectOk);
    }
  }

  /** The same session in a browser. */
  async shareSession(page: Page): Promise<Page> {
    const { cookies } = await this.client.storageState();
    await page.context().addCookies(cookies);
    return page;
  }

  close(): Promise<void> {
    return this.client.dispose();
  }
}

/** Cookies are kept; changes come from the server's own origin, as a page's do. */
function client(server: Server): Promise<APIRequestContext> {
  const extraHTTPHeaders = { accept: "application/json", origin: server.pages };
  return request.newContext({ baseURL: server.pages, extraHTTPHeaders });
}

async function expectOk(answer: APIResponse): Promise<APIResponse> {
  if (answer.ok()) return answer;
  throw new Error(`${answer.status()} ${answer.url()}: ${await answer.text()}`);
}
