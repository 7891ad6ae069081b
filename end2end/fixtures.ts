// The fixtures of every test: a fresh server with a mail server, and browsers whose consoles are watched. A test fails
// when the server panicked or logged an error, or when a browser's console showed one.
import { test as base, type BrowserContext, expect, type Page } from "@playwright/test";

import { markHydration } from "./hydration.ts";
import { MailServer } from "./mail.ts";
import { browserIn, createHome, type Identity } from "./machine.ts";
import { Server, type ServerOptions } from "./server.ts";

interface Fixtures {
  mail: MailServer;
  servers: Servers;
  /** A new one, without an administrator. */
  server: Server;
  /** Further configuration of the server: `AIWE_…` variables. */
  settings: Record<string, string>;
  /** The visitors of `server`. */
  people: People;
  peopleAt: (server: Server) => People;
}

export interface VisitorOptions {
  /** Off: the browser runs no scripts. */
  scripts?: boolean;
  /** On: the browser accepts any server certificate. */
  ignoreCertificateErrors?: boolean;
}

/** Opens browsers and collects the errors on their consoles. */
export class People {
  /** Console errors that a test expects, such as a refusal that it provokes. */
  readonly expected: RegExp[] = [];
  private readonly errors: string[] = [];
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

  /** A browser without a certificate. Relative addresses lead to the pages listener. */
  async visitor(options: VisitorOptions = {}): Promise<Page> {
    return this.watched(await this.newContext(options));
  }

  /** A machine that trusts the server's authority and `others`, and holds `identity`, if there is one. */
  async machine(name: string, identity?: Identity, others: string[] = []): Promise<Page> {
    const authority = await (await fetch(`${this.server.pages}/ca.pem`)).text();
    const home = await createHome(this.folder(name), [authority, ...others], identity);
    return this.watched(await browserIn(home));
  }

  async close(): Promise<string[]> {
    for (const context of this.contexts) await context.close();
    return this.errors.filter((error) => !this.expected.some((pattern) => pattern.test(error)));
  }

  private async watched(context: BrowserContext): Promise<Page> {
    this.contexts.push(context);
    await markHydration(context);
    context.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.errors.push(String(error.error())));
    return context.newPage();
  }
}

/** Servers that a test starts itself, one after another or at the same time. */
export class Servers {
  private readonly mail: MailServer;
  private readonly all: Server[] = [];

  constructor(mail: MailServer) {
    this.mail = mail;
  }

  async start(options: ServerOptions): Promise<Server> {
    const server = await Server.start({ mailPort: this.mail.port, ...options });
    this.all.push(server);
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((server) => server.stop()));
  }

  log(): string {
    return this.all.map((server) => server.log()).join("\n");
  }

  errors(): string[] {
    return this.all.flatMap((server) => server.errors());
  }
}

export const test = base.extend<Fixtures>({
  mail: async ({}, use, info) => {
    const mail = await MailServer.start(info.outputPath("mails"));
    await use(mail);
    await mail.stop();
  },

  servers: async ({ mail }, use, info) => {
    const servers = new Servers(mail);
    await use(servers);
    await servers.stop();
    await info.attach("server.log", { body: servers.log(), contentType: "text/plain" });
    expect(servers.errors(), "the servers' log").toEqual([]);
  },

  settings: [{}, { option: true }],

  server: async ({ servers, settings }, use, info) => {
    await use(await servers.start({ folder: info.outputPath("server"), settings }));
  },

  peopleAt: async ({ browser, servers: _ }, use, info) => {
    const all: People[] = [];
    await use((server) => {
      const people = new People(
        server,
        (name) => info.outputPath(name),
        ({ scripts = true, ignoreCertificateErrors = false }) =>
          browser.newContext({
            baseURL: server.pages,
            ignoreHTTPSErrors: ignoreCertificateErrors,
            javaScriptEnabled: scripts,
            locale: "en-GB",
          }),
      );
      all.push(people);
      return people;
    });
    const errors = await Promise.all(all.map((people) => people.close()));
    expect(errors.flat(), "the browsers' consoles").toEqual([]);
  },

  people: async ({ server, peopleAt }, use) => {
    await use(peopleAt(server));
  },
});

export { expect };
