// The real server, on a data folder and ports of its own.
import { createServer } from "node:net";
import { join } from "node:path";

import { clockOffset } from "./clock.ts";
import { Program, until } from "./process.ts";

export interface ServerOptions {
  /** A folder that the test owns. */
  folder: string;
  /** The port of a mail server on this machine; without one, mails stay in the outbox. */
  mailPort?: number;
  /** Further configuration: `AIWE_…` variables. */
  settings?: Record<string, string>;
  /** By how many seconds its clock is ahead. */
  ahead?: number;
  /** Its folder has an administrator already, so that it prints no link. */
  initialised?: boolean;
}

export class Server {
  readonly pages: string;
  readonly machines: string;
  /** The one-time link that creates the first administrator; nothing when there is one. */
  readonly setupLink: string;
  private readonly program: Program;

  private constructor(program: Program, pages: string, machines: string, setupLink: string) {
    this.program = program;
    this.pages = pages;
    this.machines = machines;
    this.setupLink = setupLink;
  }

  static async start({ folder, mailPort, settings = {}, ahead = 0, initialised }: ServerOptions): Promise<Server> {
    const binary = process.env.END2END_SERVER;
    if (!binary)
      throw new Error("END2END_SERVER is not set; start these tests with `cargo xtask test browser`");
    const [pagesPort, machinesPort] = [await freePort(), await freePort()];
    const [pages, machines] = [`http://localhost:${pagesPort}`, `https://localhost:${machinesPort}`];
    const mail: Record<string, string> = mailPort
      ? {
          AIWE_SMTP__HOST: "127.0.0.1",
          AIWE_SMTP__PORT: String(mailPort),
          AIWE_SMTP__ENCRYPTION: "none",
          AIWE_SMTP__FROM: "engine@example.org",
        }
      : {};
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("AIWE_"));
    const program = new Program(binary, ["serve", "--data-dir", join(folder, "data")], {
      env: {
        ...Object.fromEntries(inherited),
        AIWE_PAGES__LISTEN: `127.0.0.1:${pagesPort}`,
        AIWE_MACHINES__LISTEN: `127.0.0.1:${machinesPort}`,
        AIWE_PUBLIC_URL: pages,
        AIWE_MACHINES_URL: machines,
        ...mail,
        ...(ahead ? await clockOffset(ahead, folder) : {}),
        ...settings,
      },
    });
    const setupLink = initialised ? "" : await program.waitForOutput(/(https?:\/\/\S+\/setup\/[\w-]+)/);
    const server = new Server(program, pages, machines, setupLink);
    const ready = await until(30, async () => ((await server.answers("/readyz")) ? true : undefined));
    if (!ready)
      throw new Error(`the server is not ready after 30 s:\n${program.output}\n${program.errors}`);
    return server;
  }

  /** Lines of the log that no test may cause: panics and errors. */
  errors(): string[] {
    const bad = / panicked |"level":"ERROR"|\sERROR\s/;
    return `${this.program.output}\n${this.program.errors}`.split("\n").filter((line) => bad.test(line));
  }

  /** What it printed, for a failing test's report. */
  log(): string {
    return `${this.program.output}\n${this.program.errors}`;
  }

  stop(): Promise<void> {
    return this.program.stop();
  }

  private async answers(path: string): Promise<boolean> {
    return fetch(this.pages + path).then(
      (answer) => answer.ok,
      () => false,
    );
  }
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
