// A screen without a monitor, with a window manager, showing real programs.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "./chromium.ts";
import { bytesFrom, Program, run, until } from "./process.ts";

// Without the instant at which it was taken: two pictures of the same screen are the same bytes.
const TIMELESS_PICTURE = [
  "-window",
  "root",
  "-depth",
  "8",
  "-strip",
  "-define",
  "png:exclude-chunks=date,time",
  "png:-",
];

export class Screen {
  readonly display: string;
  private readonly programs: Program[];

  private constructor(display: string, programs: Program[]) {
    this.display = display;
    this.programs = programs;
  }

  static async start(size = "1280x800"): Promise<Screen> {
    // The server itself picks a free number and writes it to descriptor 1.
    const server = new Program("Xvfb", [
      "-displayfd",
      "1",
      "-screen",
      "0",
      `${size}x24`,
      "-nolisten",
      "tcp",
      "-noreset",
    ]);
    const display = `:${await server.waitForOutput(/^(\d+)$/m)}`;
    const screen = new Screen(display, [server]);
    screen.start("openbox", []);
    // A window that maps while the window manager is starting may never be shown.
    const managed = await until(30, async () => {
      const output = await run("xprop", ["-root", "_NET_SUPPORTING_WM_CHECK"], screen.environment).catch(
        () => "",
      );
      return output.includes("window id") ? true : undefined;
    });
    if (!managed) throw new Error(`no window manager on ${display}`);
    return screen;
  }

  /** What programs on this screen need in their environment. */
  get environment(): NodeJS.ProcessEnv {
    // Before the system's own, which the window manager reads too.
    const settings = join(import.meta.dirname, "xdg");
    return { ...process.env, DISPLAY: this.display, XDG_CONFIG_DIRS: `${settings}:/etc/xdg` };
  }

  start(name: string, args: string[], variables: NodeJS.ProcessEnv = {}): Program {
    const env = { ...this.environment, ...variables };
    // Each leads a group of its own: what it starts ends with it.
    const program = new Program(name, args, { env, detached: true });
    this.programs.push(program);
    return program;
  }

  /** Runs a shell command in a terminal window that then stays open. */
  terminal(command: string): Program {
    const shown = `${command}; exec sleep 3600`;
    return this.start("xterm", [
      "-fa",
      "DejaVu Sans Mono",
      "-fs",
      "14",
      "-geometry",
      "100x28+20+20",
      "-e",
      "sh",
      "-c",
      shown,
    ]);
  }

  /** Waits for a window whose name contains `name`. */
  async window(name: string): Promise<void> {
    const search = ["search", "--onlyvisible", "--name", name];
    const found = () => run("xdotool", search, this.environment).catch(() => undefined);
    if (!(await until(30, found))) throw new Error(`no window “${name}”: ${this.report()}`);
  }

  /** The whole screen as PNG, once three pictures in a row are the same and not of one colour. */
  async picture(): Promise<Buffer> {
    let last: Buffer = Buffer.alloc(0);
    let same = 0;
    const settled = await until(30, async () => {
      const next = await bytesFrom("import", TIMELESS_PICTURE, this.environment);
      same = next.equals(last) ? same + 1 : 0;
      last = next;
      // An empty screen compresses to next to nothing.
      return same >= 3 && next.length > 4_000 ? next : undefined;
    });
    if (settled) return settled;
    throw new Error(
      `the screen ${this.display} does not settle or stays empty (${last.length} bytes):\n${this.report()}`,
    );
  }

  private report(): string {
    return this.programs.map((program) => program.report()).join("\n");
  }

  async stop(): Promise<void> {
    for (const program of this.programs.toReversed()) await program.stop();
  }
}

/** Shows a real compiler's real error on `screen`; gives words of it that an answer must contain. */
export function showCompilerError(screen: Screen, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "invoice.c"), "int total(int price) {\n    return price * quantity;\n}\n");
  screen.terminal(`cd '${folder}' && clear && gcc -c invoice.c`);
  return ["quantity", "undeclared"];
}

/** Shows a web page in a real browser on `screen`; gives words of it that an answer about Saturday must contain. */
export async function showWebPage(screen: Screen, folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const [page, name] = [join(folder, "page.html"), "Town library"];
  const hours = "<p>Monday closed <p>Friday 9:15 to 18:45 <p>Saturday 10:30 to 14:00";
  // The window is named once the page is painted.
  const painted = `requestAnimationFrame(() => requestAnimationFrame(() => (document.title = "${name}")))`;
  writeFileSync(page, `<!doctype html><h1>Opening hours</h1>${hours}<script>${painted}</script>`);
  const quiet = ["--no-first-run", "--password-store=basic", `--user-data-dir=${join(folder, "profile")}`];
  screen.start(chromium.executablePath, [...chromium.args, ...quiet, `file://${page}`]);
  await screen.window(name);
  return ["10:30 to 14:00"];
}

/** Shows a file in a real editor on `screen`; gives words of it that an answer about the port must contain. */
export function showEditor(screen: Screen, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const settings = "# Settings of the till\nname = counter 3\nprinter port = 9100\nreceipt copies = 2\n";
  writeFileSync(join(folder, "till.conf"), settings);
  // As it is without anybody's own settings, and without a second file beside the first.
  screen.terminal(`cd '${folder}' && vi -u NONE -n till.conf`);
  return ["printer port", "9100"];
}

/** A screenshot of what `show` shows, on a screen of its own. */
async function screenshotOf(
  show: (screen: Screen, folder: string) => string[] | Promise<string[]>,
  folder: string,
): Promise<Screenshot> {
  const screen = await Screen.start();
  try {
    const words = await show(screen, folder);
    return { picture: await screen.picture(), words };
  } finally {
    await screen.stop();
  }
}

/** A screenshot of a real program, and words that an answer about it must contain. */
export interface Screenshot {
  picture: Buffer;
  words: string[];
}

export const compilerError = (folder: string) => screenshotOf(showCompilerError, folder);
export const webPage = (folder: string) => screenshotOf(showWebPage, folder);
export const editor = (folder: string) => screenshotOf(showEditor, folder);
