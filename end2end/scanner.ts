// A mail scanner that opens mails before their recipients do: it fetches every link, renders it, and presses every control.
import { type APIResponse, type BrowserContext, type Page, request } from "@playwright/test";

import { expect, type People } from "./fixtures.ts";
import type { Mail } from "./mail.ts";
import { until } from "./process.ts";

/** What it fills into the fields of a form. */
export interface Answers {
  text: string;
  password: string;
  email: string;
}

export const EMPTY: Answers = { text: "", password: "", email: "" };
/** Fits the fields for an address and a password, and has the form of an authenticator's code, not of a match code. */
export const WORDS: Answers = {
  text: "123456",
  password: "some words of a scanner",
  email: "scanner@example.net",
};
/** A match code as it could be. */
export const GUESSES: Answers = { ...WORDS, text: "2345-6789" };

// The foot of each page offers the choice of light and dark, which changes nothing elsewhere.
const CONTROLS = ":is(button, input:not([type=hidden]), select, summary):not(footer *)";
/** What does something else when something else stands in the fields. */
const BUTTONS = "button:not(footer *)";
/** More than any page has. */
const MAX_CONTROLS = 60;
/** What holds a certificate, or a key. */
const PACKAGE = /x-pkcs12|zip|pem-certificate-chain/;

/** A browser of the scanner. */
interface Browsing {
  page: Page;
  scripts: boolean;
  traffic: Traffic;
}

/** A form as it stands in a page. */
interface Form {
  action: string;
  fields: { name: string; type: string; value: string }[];
}

export class Scanner {
  /** Every address of a page that it was shown, with what stood there. */
  readonly shown: { address: string; text: string }[] = [];
  /** What it received that only the requester may have. */
  readonly received: string[] = [];
  /** The paths that it has posted to, by a page's script, a page's form, or by itself. */
  readonly posted: string[] = [];
  private readonly people: People;

  constructor(people: People) {
    this.people = people;
  }

  /** Scans every link of a mail, in both of its parts; gives them. */
  async scan(mail: Mail, ...answers: Answers[]): Promise<string[]> {
    const links = linksIn(mail);
    for (const link of links) await this.open(link, ...answers);
    return links;
  }

  /** Fetches a link, and opens it in a browser with scripts and in one without. */
  async open(link: string, ...answers: Answers[]): Promise<void> {
    for (const accept of ["text/html", "*/*"]) {
      for (const method of ["HEAD", "GET"]) await this.fetch(link, { method, headers: { accept } });
    }
    for (const scripts of [true, false]) {
      const page = await this.people.visitor({ scripts, ignoreCertificateErrors: true });
      const browsing = { page, scripts, traffic: new Traffic(page.context()) };
      this.watch(page);
      for (const [round, answer] of answers.entries()) {
        await this.pressAll(round === 0 ? CONTROLS : BUTTONS, browsing, link, answer);
      }
      await this.follow(browsing, link);
      await page.context().close();
    }
    for (const answer of answers) await this.postForms(link, answer);
  }

  /** Posts every form of a page so many times, as it is without a browser's own checks. */
  async postForms(link: string, answers: Answers, times = 1): Promise<void> {
    const page = await this.people.visitor({ scripts: false, ignoreCertificateErrors: true });
    await page.goto(link);
    const forms = await formsOf(page);
    await page.context().close();
    for (let time = 0; time < times; time += 1) await this.post(forms, answers);
  }

  private async post(forms: Form[], answers: Answers): Promise<void> {
    const posts = forms.map(({ action, fields }) => {
      const form: Record<string, string> = {};
      for (const { name, type, value } of fields) form[name] = value || answerTo(type, answers);
      return this.fetch(action, { method: "POST", form });
    });
    await Promise.all(posts);
  }

  private async pressAll(
    controls: string,
    { page, scripts, traffic }: Browsing,
    link: string,
    answers: Answers,
  ): Promise<void> {
    let opened = "";
    for (let number = 0; number < MAX_CONTROLS; number += 1) {
      if (page.url() !== opened) {
        await page.goto(link);
        if (scripts) await expect(page.locator("html[data-hydrated]")).toBeAttached();
        opened = page.url();
        // What the browser checks itself would keep a form from being sent.
        await settled(page, () =>
          page.locator("form").evaluateAll((forms) => {
            for (const form of forms as HTMLFormElement[]) form.noValidate = true;
          }),
        );
      }
      await this.fill(page, answers);
      const control = page.locator(controls).nth(number);
      if ((await control.count()) === 0) return;
      if (!(await control.isVisible())) continue;
      await control.click({ force: true, noWaitAfter: true, timeout: 5_000 });
      await traffic.quiet(page);
      await this.note(page);
    }
    throw new Error(`too many controls on ${link}`);
  }

  private async fill(page: Page, answers: Answers): Promise<void> {
    for (const field of await page.locator("input, textarea").all()) {
      // A password that is being shown stands in a field for text.
      const secret = (await field.getAttribute("autocomplete"))?.endsWith("-password");
      const type = secret ? "password" : ((await field.getAttribute("type")) ?? "text");
      if (!["email", "password", "text"].includes(type) || !(await field.isVisible())) continue;
      await field.fill(answerTo(type, answers));
    }
  }

  /** Follows every link of the page. */
  private async follow({ page, traffic }: Browsing, link: string): Promise<void> {
    await page.goto(link);
    await this.note(page);
    const hrefs = await settled(page, () =>
      page.locator("a[href]").evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href)),
    );
    for (const href of new Set(hrefs.filter((href) => /^https?:/.test(href)))) {
      await page.goto(href);
      await traffic.quiet(page);
      await this.note(page);
    }
  }

  private async note(page: Page): Promise<void> {
    const seen = async () => ({ address: page.url(), text: await page.content() });
    this.shown.push(await settled(page, seen));
  }

  private async fetch(
    address: string,
    options: { method: string; headers?: Record<string, string>; form?: Record<string, string> },
  ): Promise<APIResponse> {
    // A new client each time, so that no cookie is kept.
    const client = await request.newContext({ ignoreHTTPSErrors: true });
    const answer = await client.fetch(address, options);
    this.inspect(options.method, address, answer.headers()["content-type"]);
    this.shown.push({ address: answer.url(), text: await answer.text() });
    await client.dispose();
    return answer;
  }

  private watch(page: Page): void {
    page.on("download", (download) => this.received.push(`a download: ${download.suggestedFilename()}`));
    page.on("response", (answer) => {
      this.inspect(answer.request().method(), answer.url(), answer.headers()["content-type"]);
    });
  }

  private inspect(method: string, address: string, kind = ""): void {
    if (method === "POST") this.posted.push(new URL(address).pathname);
    if (PACKAGE.test(kind)) this.received.push(`${kind} from ${address}`);
  }
}

/** Every link of a mail's HTML and of its text, each once. */
export function linksIn({ html, text }: Mail): string[] {
  const inHtml = (html ?? "").match(/(?<=href=")[^"]+/g) ?? [];
  const inText = (text ?? "").match(/https?:\/\/\S+/g) ?? [];
  return [...new Set([...inHtml.map((href) => href.replaceAll("&amp;", "&")), ...inText])];
}

function answerTo(type: string, { text, password, email }: Answers): string {
  if (type === "password") return password;
  return type === "email" ? email : text;
}

function formsOf(page: Page): Promise<Form[]> {
  return page.locator("form").evaluateAll((forms) =>
    (forms as HTMLFormElement[]).map((form) => ({
      action: form.action,
      fields: Array.from(form.querySelectorAll<HTMLInputElement>("input[name], textarea[name]"))
        .filter((field) => field.type !== "radio" || field.checked)
        .map(({ name, type, value }) => ({ name, type, value })),
    })),
  );
}

/**
 * What `read` finds on a page, once that page stays. A press on a busy machine can lead elsewhere only after a while, and
 * a page may reload itself; what is being read is gone then, and is read again where the browser has come to.
 */
async function settled<Found>(page: Page, read: () => Promise<Found>): Promise<Found> {
  for (let left = 10; ; left -= 1) {
    try {
      return await read();
    } catch (error) {
      if (left === 0 || !/navigat/.test(String(error))) throw error;
      await page.waitForLoadState();
    }
  }
}

/** The pending requests of a browser. */
class Traffic {
  private open = 0;

  constructor(context: BrowserContext) {
    context.on("request", () => (this.open += 1));
    context.on("requestfinished", () => (this.open -= 1));
    context.on("requestfailed", () => (this.open -= 1));
  }

  /** Waits until no request has been pending for a moment, and nothing on the page is busy. */
  async quiet(page: Page): Promise<void> {
    let since = Date.now();
    const rests = async () => {
      const busy = this.open > 0 || (await page.locator("[aria-busy=true]").count()) > 0;
      if (busy) since = Date.now();
      return Date.now() - since > 150 ? true : undefined;
    };
    if (!(await until(20, rests))) throw new Error(`${page.url()} does not settle`);
  }
}
