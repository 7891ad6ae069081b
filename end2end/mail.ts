// A real SMTP server (aiosmtpd), and the mails that it got.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Program, until } from "./process.ts";

export interface Mail {
  from: string;
  to: string[];
  subject: string;
  headers: Record<string, string>;
  text: string | null;
  html: string | null;
}

export class MailServer {
  readonly port: number;
  private readonly folder: string;
  private readonly program: Program;

  private constructor(folder: string, program: Program, port: number) {
    this.folder = folder;
    this.program = program;
    this.port = port;
  }

  static async start(folder: string): Promise<MailServer> {
    const python = process.env.END2END_MAIL_PYTHON;
    if (!python)
      throw new Error("END2END_MAIL_PYTHON is not set; start these tests with `cargo xtask test browser`");
    mkdirSync(folder, { recursive: true });
    const program = new Program(python, [join(import.meta.dirname, "mail_server.py"), "0", folder]);
    return new MailServer(folder, program, Number(await program.waitForOutput(/^(\d+)$/m)));
  }

  /** Everything that arrived, in order. */
  mails(): Mail[] {
    const files = readdirSync(this.folder).filter((name) => name.endsWith(".json"));
    return files.sort().map((name) => JSON.parse(readFileSync(join(this.folder, name), "utf8")) as Mail);
  }

  /** The newest mail to `address` whose subject fits; waited for. */
  async mailTo(address: string, subject: RegExp, seconds = 30): Promise<Mail> {
    const fits = (mail: Mail) => mail.to.includes(address) && subject.test(mail.subject);
    const mail = await until(seconds, () => this.mails().findLast(fits));
    if (mail) return mail;
    const there = this.mails().map((other) => `${other.to.join()}: ${other.subject}`);
    throw new Error(`no mail to ${address} with ${subject}; there are: ${there.join("; ") || "none"}`);
  }

  /** From now on it refuses mails to these addresses, and to no others. */
  refuse(...addresses: string[]): void {
    writeFileSync(join(this.folder, "refused"), addresses.join("\n"));
  }

  stop(): Promise<void> {
    return this.program.stop();
  }
}
