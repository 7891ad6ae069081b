// What every test of the product starts from: a fresh server with a mail server beside it, and visitors
// whose browsers are watched. A test fails when the server panicked or logged an error, or a browser's
// console showed one.
import { test as base, type BrowserContext, expect, type Page } from "@playwright/test";

import { markHydration } from "./hydration.ts";
import { MailServer } from "./mail.ts";
import { browserIn, furnish, type Identity } from "./machine.ts";
import { Server } from "./server.ts";

interface Fixtures {
  mail: MailServer;
  server: Server;
  people: People;
}

export interface VisitorOptions {
  /** Off: the browser runs no scripts. */
  scripts?: boolean;
}

/** Opens browsers and watches what their consoles say. */
export class People {
  /** Console errors that a test expects, such as a refusal that it provokes. */
  readonly expected: RegExp[] = [];
  private readonly complaints: string[] = [];
  private readonly contexts: BrowserContext[] = [];
  private readonly newContext: (options: VisitorOptions) => Promise<BrowserContext>;
  private readonly folder: (name: string) => string;
  private readonly server: Server;

  constructor(
    server: Server,
    folder: (name: string) => string,
    newContext: (options: VisitorOptions) => Promise<BrowserContext>,
  ) {
    this.server = server;
    this.folder = folder;
    this.newContext = newContext;
  }

  /** Somebody with a browser and nothing else. Relative addresses lead to the pages listener. */
  async visitor(options: VisitorOptions = {}): Promise<Page> {
    return this.watched(await this.newContext(options));
  }

  /** A machine that trusts the server's authority and holds `identity`, if there is one. */
  async machine(name: string, identity?: Identity): Promise<Page> {
    const authority = await (await fetch(`${this.server.pages}/ca.pem`)).text();
    const home = await furnish(this.folder(name), authority, identity);
    return this.watched(await browserIn(home));
  }

  async leave(): Promise<string[]> {
    for (const context of this.contexts) await context.close();
    return this.complaints.filter((complaint) => !this.expected.some((pattern) => pattern.test(complaint)));
  }

  private async watched(context: BrowserContext): Promise<Page> {
    this.contexts.push(context);
    await markHydration(context);
    context.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(`${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.complaints.push(String(error.error())));
    return context.newPage();
  }
}

export const test = base.extend<Fixtures>({
  mail: async ({}, use, info) => {
    const mail = await MailServer.start(info.outputPath("mails"));
    await use(mail);
    await mail.stop();
  },

  server: async ({ mail }, use, info) => {
    const server = await Server.start({ folder: info.outputPath("server"), mailPort: mail.port });
    await use(server);
    await server.stop();
    await info.attach("server.log", { body: server.log(), contentType: "text/plain" });
    expect(server.complaints(), "the server's log").toEqual([]);
  },

  people: async ({ browser, server }, use, info) => {
    const people = new People(
      server,
      (name) => info.outputPath(name),
      ({ scripts = true }) =>
        browser.newContext({ baseURL: server.pages, javaScriptEnabled: scripts, locale: "en-GB" }),
    );
    await use(people);
    expect(await people.leave(), "the browsers' consoles").toEqual([]);
  },
});

export { expect };
