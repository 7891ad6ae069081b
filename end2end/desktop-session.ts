// A desktop with accessibility: a screen, a session bus, and an editor with a letter, whose state real keys change.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { run, until } from "./process.ts";
import { Screen } from "./screen.ts";

export const LETTER = "Dear all,\nthe door are is open.\nIt closes at six.";
/** In the title of the program's dialog. */
export const DIALOG = "Confirm a change";

export class DesktopSession {
  readonly screen: Screen;
  /** For programs on it. */
  readonly environment: NodeJS.ProcessEnv;
  readonly bus: string;
  private readonly file: string;
  private readonly name: string;

  private constructor(screen: Screen, environment: NodeJS.ProcessEnv, bus: string, file: string, name: string) {
    this.screen = screen;
    this.environment = environment;
    this.bus = bus;
    this.file = file;
    this.name = name;
  }

  /** `name`: the letter's file, below `home`. */
  static async start(home: string, name = "letter.txt"): Promise<DesktopSession> {
    mkdirSync(home, { recursive: true });
    const folders = {
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "data"),
      GSETTINGS_BACKEND: "memory",
    };
    const screen = await Screen.start("1600x900");
    const daemon = screen.start("dbus-daemon", ["--session", "--nofork", "--print-address=1"], folders);
    const bus = await daemon.waitForOutput(/^(unix:\S+)$/m);
    const environment = { ...folders, DBUS_SESSION_BUS_ADDRESS: bus };
    const file = join(home, name);
    writeFileSync(file, LETTER);
    screen.start("mousepad", ["--disable-server", file], environment);
    await screen.window(name);
    return new DesktopSession(screen, environment, bus, file, name);
  }

  /** Real keys, for whatever window has the keyboard. */
  async press(...keys: string[]): Promise<void> {
    await run("xdotool", ["key", ...keys], this.screen.environment);
  }

  /** Gives a window the keyboard, by default the editor's. */
  async focus(name = this.name): Promise<void> {
    const search = ["search", "--onlyvisible", "--name", name, "windowactivate", "--sync"];
    await run("xdotool", search, this.screen.environment);
  }

  /** Puts the editor in front with all of its text selected. */
  async selectAll(): Promise<void> {
    await this.focus();
    await this.press("ctrl+a");
    const primary = ["-selection", "primary", "-o"];
    const selected = await until(10, async () => {
      const text = await run("xclip", primary, this.screen.environment).catch(() => "");
      return text === LETTER ? true : undefined;
    });
    if (!selected) throw new Error("the letter is not selected");
  }

  /** Waits for the dialog, until it takes an answer: one that comes at once is not taken. */
  async dialog(): Promise<void> {
    await this.screen.window(DIALOG);
    const settled = await until(10, async () => {
      const title = await run("xdotool", ["getactivewindow", "getwindowname"], this.screen.environment).catch(() => "");
      return title.includes(DIALOG) ? true : undefined;
    });
    if (!settled) throw new Error("the dialog does not have the keyboard");
    // Three pictures that are the same: its page is drawn.
    await this.screen.picture();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }

  /** What the editor has, saved: its title bears a star until it is. */
  async saved(): Promise<string> {
    await this.focus();
    await this.press("ctrl+s");
    const title = ["search", "--onlyvisible", "--name", this.name, "getwindowname"];
    const written = await until(10, async () =>
      (await run("xdotool", title, this.screen.environment)).includes("*") ? undefined : true,
    );
    if (!written) throw new Error("the editor does not save");
    return readFileSync(this.file, "utf8");
  }

  /** Left, top, width and height of the editor. */
  async geometry(): Promise<[number, number, number, number]> {
    const search = ["search", "--onlyvisible", "--name", this.name, "getwindowgeometry", "--shell"];
    const shell = await run("xdotool", search, this.screen.environment);
    const value = (key: string) => Number(new RegExp(`^${key}=(-?\\d+)$`, "m").exec(shell)?.[1]);
    return [value("X"), value("Y"), value("WIDTH"), value("HEIGHT")];
  }
}
