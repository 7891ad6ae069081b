// The desktop window through WebDriver (W3C): tauri-driver in front of WebKitGTK's own driver.
import { setTimeout as sleep } from "node:timers/promises";

import { type Program, until } from "./process.ts";
import type { Screen } from "./screen.ts";
import { freePort } from "./server.ts";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

export class DesktopWindow {
  private readonly driver: Program;
  private readonly session: string;

  private constructor(driver: Program, session: string) {
    this.driver = driver;
    this.session = session;
  }

  /** Starts `application` on `screen` with these variables, on the session bus at `bus` or on one of its own. */
  static async open(
    screen: Screen,
    application: string,
    variables: NodeJS.ProcessEnv,
    bus?: string,
  ): Promise<DesktopWindow> {
    const tauriDriver = process.env.END2END_TAURI_DRIVER;
    if (!tauriDriver)
      throw new Error("END2END_TAURI_DRIVER is not set; start these tests with `cargo xtask test desktop`");
    const [port, nativePort] = [String(await freePort()), String(await freePort())];
    const command = [tauriDriver, "--port", port, "--native-port", nativePort];
    const [program, ...args] = bus ? command : ["dbus-run-session", "--", ...command];
    const driver = screen.start(
      program as string,
      args,
      {
        ...variables,
        // Without these WebKitGTK draws through a GPU that is not there, and pictures are black.
        NO_AT_BRIDGE: "1",
        WEBKIT_DISABLE_COMPOSITING_MODE: "1",
        WEBKIT_DISABLE_DMABUF_RENDERER: "1",
      },
    );
    const base = `http://127.0.0.1:${port}`;
    const capabilities = { alwaysMatch: { "tauri:options": { application } } };
    let lastError: unknown;
    const session = await until(60, async () =>
      call(`${base}/session`, { capabilities }).then(
        (answer) => (answer as { sessionId: string }).sessionId,
        (error: unknown) => void (lastError = error),
      ),
    );
    if (!session) throw new Error(`no WebDriver session: ${lastError}\n${driver.output}\n${driver.errors}`);
    return new DesktopWindow(driver, `${base}/session/${session}`);
  }

  /** The field whose label begins with `label`. */
  field(label: string): Promise<string> {
    const id = `//label[starts-with(normalize-space(), "${label}")]/@for`;
    return this.find(`//*[@id = ${id}]`);
  }

  button(name: string): Promise<string> {
    return this.find(`//button[normalize-space() = "${name}" and not(@disabled)]`);
  }

  /** Waits for an element. */
  async find(xpath: string, seconds = 30): Promise<string> {
    const found = await until(seconds, async () => {
      const answer = (await this.command("elements", { using: "xpath", value: xpath })) as Record<
        string,
        string
      >[];
      return answer[0]?.[ELEMENT];
    });
    if (found) return found;
    throw new Error(`nothing fits ${xpath}; the page says:\n${await this.text()}`);
  }

  async press(element: string): Promise<void> {
    await this.command(`element/${element}/click`, {});
  }

  async type(element: string, text: string): Promise<void> {
    await this.command(`element/${element}/value`, { text });
  }

  async clear(element: string): Promise<void> {
    await this.command(`element/${element}/clear`, {});
  }

  /** A property as scripts see it: of `href`, the whole address. */
  async attribute(element: string, name: string): Promise<string> {
    const script = `return arguments[0].${name}`;
    const args = [{ [ELEMENT]: element }];
    return (await this.command("execute/sync", { script, args })) as string;
  }

  /** Runs the body of an asynchronous function in the page. */
  async script<T>(body: string, ...args: unknown[]): Promise<T> {
    const script = `const [...given] = arguments; const done = given.pop();
      (async (...arguments_) => { ${body} })(...given).then(
        (value) => done({ value }),
        (error) => done({ error: error?.detail ?? String(error) }))`;
    const answer = (await this.command("execute/async", { script, args })) as { value: T; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }

  /** Calls a command of the program as its page does. */
  invoke<T>(name: string, given: unknown): Promise<T> {
    return this.script(
      "return window.__TAURI_INTERNALS__.invoke(arguments_[0], arguments_[1])",
      name,
      given,
    );
  }

  /** What a person reads in the window. */
  async text(): Promise<string> {
    return (await this.command("execute/sync", {
      script: "return document.body.innerText",
      args: [],
    })) as string;
  }

  /** Waits until the window shows `words`. */
  async shows(words: string, seconds = 60): Promise<void> {
    const there = await until(seconds, async () =>
      (await this.text()).includes(words) ? true : undefined,
    );
    if (!there)
      throw new Error(`the window does not show ${JSON.stringify(words)} but:\n${await this.text()}`);
  }

  async close(): Promise<void> {
    // The driver answers only once the window has gone; if it does not go, it is ended below.
    const timeout = AbortSignal.timeout(5_000);
    await fetch(this.session, { method: "DELETE", signal: timeout }).catch(() => undefined);
    await sleep(100);
    await this.driver.stop();
  }

  private command(path: string, body: unknown): Promise<unknown> {
    return call(`${this.session}/${path}`, body);
  }
}

async function call(address: string, body: unknown): Promise<unknown> {
  // A window whose program hangs never answers; the timeout makes the test report where it was.
  const signal = AbortSignal.timeout(60_000);
  const answer = await fetch(address, { method: "POST", body: JSON.stringify(body), signal });
  const { value } = (await answer.json()) as { value: unknown };
  if (!answer.ok) throw new Error(`${address}: ${JSON.stringify(value)}`);
  return value;
}
