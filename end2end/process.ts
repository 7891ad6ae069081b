// Child processes that are started for a test and stopped with it.
import { type ChildProcess, execFile, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

/** A program that runs until it is stopped. What it prints is kept. */
export class Program {
  private readonly child: ChildProcess;
  private readonly name: string;
  private readonly leadsGroup: boolean;
  private ended = false;
  output = "";
  errors = "";

  constructor(name: string, args: string[], options: SpawnOptions = {}) {
    this.name = name;
    this.leadsGroup = options.detached ?? false;
    this.child = spawn(name, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    this.child.on("error", (error) => (this.errors += String(error)));
    this.child.on("close", () => (this.ended = true));
  }

  /** State and output, for the report of a failed test. */
  report(): string {
    return `${this.name} ${this.ended ? "ended" : "runs"}: ${this.output}${this.errors}`;
  }

  /** Waits for `pattern` in what it prints and gives the first group, or the whole match. */
  async waitForOutput(pattern: RegExp, seconds = 30): Promise<string> {
    const found = await until(
      seconds,
      () => pattern.exec(this.output) ?? (this.ended ? "ended" : undefined),
    );
    if (found && found !== "ended") return found[1] ?? found[0];
    throw new Error(`waited ${seconds} s for ${pattern}; ${this.report()}`);
  }

  /** Ends it; with `detached` among the options, everything that it started too. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    // Not "close": its child processes may hold its output open for ever.
    const over = this.child.exitCode !== null || this.child.signalCode !== null;
    const exited = over ? undefined : once(this.child, "exit");
    this.kill(signal);
    const killer = setTimeout(() => this.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(killer);
    if (this.leadsGroup) this.kill("SIGKILL");
  }

  private kill(signal: NodeJS.Signals): void {
    if (!this.leadsGroup || this.child.pid === undefined) {
      this.child.kill(signal);
      return;
    }
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // The whole group has ended.
    }
  }
}

/** Polls until there is a result, or the time is over. */
export async function until<T>(
  seconds: number,
  poll: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const result = await poll();
    if (result !== undefined || Date.now() > end) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const execute = promisify(execFile);

/** Runs a program to its end; a failing exit is an error that carries what it printed. */
export async function run(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { stdout } = await execute(name, args, { env, maxBuffer: 64e6 });
  return stdout;
}

/** Like `run`, for programs that print bytes. */
export async function bytesFrom(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Buffer> {
  const { stdout } = await execute(name, args, { env, maxBuffer: 64e6, encoding: "buffer" });
  return stdout;
}
