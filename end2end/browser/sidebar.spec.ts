// The sidebar with a model behind it: an answer that grows, one that is cancelled, and models that fail; asked about
// screenshots of real programs.
import { writeFileSync } from "node:fs";

import type { Page } from "@playwright/test";

import { test as base, expect } from "../fixtures.ts";
import { hydrated, signInOnMachine } from "../actions.ts";
import { Model } from "../model.ts";
import { run } from "../process.ts";
import { Administrator, firstAdministrator } from "../provision.ts";
import { compilerError, editor, type Screenshot, webPage } from "../screen.ts";

const test = base.extend<{ model: Model }>({
  model: async ({}, use) => {
    const model = await Model.start();
    await use(model);
    await model.stop();
  },

  settings: async ({ model }, use) => use(model.settings),
});

test("an answer grows, ends when it is cancelled, and comes from the reader when the model fails", async ({
  server,
  mail,
  model,
  people,
}, info) => {
  const shots = Promise.all([
    compilerError(info.outputPath("compiler")),
    webPage(info.outputPath("web")),
    editor(info.outputPath("editor")),
  ]);
  const chief = await firstAdministrator(server);
  const administrator = await Administrator.signedIn(server, chief);
  const identity = await administrator.issue(mail, chief.email);
  await administrator.close();
  const [error, library, till] = await shots;

  const sidebar = await people.machine("laptop", identity);
  await sidebar.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await hydrated(sidebar, `${server.machines}/sidebar`);
  // A code of the authenticator would have to be waited for: two were used just now.
  await signInOnMachine(sidebar, chief, chief.recoveryCodes[0]);
  const question = sidebar.getByRole("textbox", { name: "Question" });
  const answer = sidebar.getByRole("article", { name: "Newest answer" });
  const earlier = sidebar.getByRole("article", { name: "Earlier answer" });
  const steps = answer.getByRole("list", { name: "Steps" });
  const again = answer.getByRole("button", { name: "Ask again" });
  const status = sidebar.getByRole("banner").getByRole("status");
  const choose = (buffer: Buffer) =>
    sidebar
      .getByLabel(/^Choose (a|another) picture$/)
      .setInputFiles({ name: "screen.png", mimeType: "image/png", buffer });
  await expect(status).toHaveText("Screen not shared");

  await test.step("a picture is pasted", async () => {
    await copyPicture(sidebar, error.picture);
    await question.press("Control+V");
    const picture = sidebar.getByRole("group", { name: "Picture" });
    await expect(picture.getByRole("img", { name: "Show the picture" })).toBeVisible();
    await expect(picture.getByText(/^1280 × 800, /)).toBeVisible();
  });

  await test.step("the answer grows while the model streams", async () => {
    await question.fill("Why does it not compile?");
    await sidebar.getByRole("button", { name: "Ask", exact: true }).click();
    const pending = await model.nextQuestion();
    expect(pending.text).toContain("Why does it not compile?");
    writeFileSync(info.outputPath("question"), pending.picture);
    const seen = await run("tesseract", [info.outputPath("question"), "-"]);
    for (const word of error.words) expect(seen).toContain(word);

    await expect(status, "the server has the picture").toHaveText("Picture shared for this answer");
    pending.say("Nothing here is called ");
    await expect(answer.getByText("Nothing here is called")).toBeVisible();
    await expect(steps.getByText("Writing the answer, under way")).toBeVisible();
    pending.say("**quantity**.");
    await expect(answer.getByText("Nothing here is called quantity.")).toBeVisible();
    await expect(again).toBeHidden();
    pending.end();
    await expect(answer.getByText(/^talker-1 · talker · (.* · )?42 tokens$/)).toBeVisible();
    await expect(steps.getByText("Writing the answer, done")).toBeVisible();
    await expect(question, "free for the next one").toHaveValue("");
    await expect(sidebar.getByText("The same picture as in your last question")).toBeVisible();
  });

  await test.step("the status strip shows what leaves, and nothing once it has been answered", async () => {
    await question.fill("And what is it called?");
    await question.press("Enter");
    const pending = await model.nextQuestion();
    expect(pending.turns).toEqual(["Why does it not compile?", "Nothing here is called **quantity**."]);
    const shared = sidebar.getByRole("banner").getByRole("img", { name: "The picture that is shared" });
    await expect(shared).toBeVisible();
    pending.say("A number.");
    pending.end();
    await expect(answer.getByText("A number.")).toBeVisible();
    await expect(status).toHaveText("Screen not shared");
    await expect(shared).toHaveCount(0);
    await expect(earlier).toHaveCount(1);
    await expect(earlier).toContainText("Nothing here is called quantity.");
  });

  await test.step("a further question without the picture shares nothing, and says so", async () => {
    await sidebar.getByRole("button", { name: "Remove the picture" }).click();
    await expect(sidebar.getByText(/^No picture: the next question is answered from/)).toBeVisible();
    await question.fill("Thank you?");
    await question.press("Enter");
    const pending = await model.nextQuestion();
    expect(pending.picture).toHaveLength(0);
    await expect(status).toHaveText("Screen not shared");
    pending.say("Yes.");
    pending.end();
    await expect(answer.getByText("Yes.")).toBeVisible();
    await choose(error.picture);
    await question.fill("Once more?");
    await question.press("Enter");
    const last = await model.nextQuestion();
    last.say("Once.");
    last.end();
    await expect(again).toBeVisible();
  });

  await test.step("the picture opens whole and at its actual size", async () => {
    await sidebar.keyboard.press("Alt+p");
    const dialog = sidebar.getByRole("dialog", { name: "The picture that the model gets" });
    const width = () => dialog.locator("img").evaluate((image) => image.getBoundingClientRect().width);
    const inner = await sidebar.evaluate(() => innerWidth);
    expect(await width()).toBeLessThanOrEqual(inner);
    await dialog.getByRole("button", { name: "Actual size" }).click();
    await expect.poll(width).toBe(1280);
    await sidebar.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
  });

  await test.step("cancelled, it ends, and so does the model's work", async () => {
    await again.click();
    const pending = await model.nextQuestion();
    pending.say("Half an answer");
    await expect(answer.getByText("Half an answer")).toBeVisible();
    expect(pending.disconnected).toBe(false);
    await sidebar.getByRole("button", { name: "Cancel" }).click();
    await expect(answer.getByText("Cancelled.")).toBeVisible();
    await expect(answer.getByText("Half an answer"), "what has come stays").toBeVisible();
    await expect(steps.getByText("Writing the answer, stopped"), "no step goes on").toBeVisible();
    await expect(status).toHaveText("Screen not shared");
    await expect(question).toBeFocused();
    await expect.poll(() => pending.disconnected).toBe(true);
  });

  await test.step("a silent model is cancelled by keyboard, and the question comes back", async () => {
    await question.fill("Are you there?");
    await question.press("Enter");
    const pending = await model.nextQuestion();
    await expect(steps.getByText("Writing the answer, under way")).toBeVisible();
    await expect(question).toHaveValue("");
    await sidebar.keyboard.press("Escape");
    await expect(answer.getByText("Cancelled.")).toBeVisible();
    await expect(question).toHaveValue("Are you there?");
    await expect.poll(() => pending.disconnected).toBe(true);
  });

  await test.step("an answer that is cut off counts as failed", async () => {
    await again.click();
    const pending = await model.nextQuestion();
    pending.say("Half an answer");
    await expect(answer.getByText("Half an answer")).toBeVisible();
    pending.abort();
    await expect(steps.getByText("Writing the answer, failed")).toBeVisible();
    await expect(answer.getByRole("alert")).toBeVisible();
    await expect(answer.getByText("Half an answer"), "what has come stays").toBeVisible();
  });

  /** Asks about what is shown, with a model that fails like this. */
  const expectReader = async ({ words }: Screenshot, about: string, failure: string) => {
    await question.fill(about);
    await question.press("Enter");
    await expect(answer.getByText(`Writing the answer, failed: ${failure}`)).toBeVisible();
    await expect(answer.getByText("No model was used: read from the screen")).toBeVisible({
      timeout: 60_000,
    });
    for (const word of words) await expect(answer).toContainText(word);
  };

  await test.step("the reader answers where the model refuses or is away, whatever the screen shows", async () => {
    model.errorStatus = 500;
    await expectReader(error, "Why does it not compile at all?", "the model server had an error of its own");
    await model.stop();
    await choose(library.picture);
    await expectReader(library, "When is it open on Saturday?", "no model server listens at its address");
    await choose(till.picture);
    await expectReader(till, "Which port has the printer?", "no model server listens at its address");
  });
});

test("a long answer is followed, bounded, found again after a reload, and survives a cut network", async ({
  server,
  mail,
  model,
  people,
}, info) => {
  const shot = compilerError(info.outputPath("compiler"));
  const chief = await firstAdministrator(server);
  const administrator = await Administrator.signedIn(server, chief);
  const identity = await administrator.issue(mail, chief.email);
  await administrator.close();

  const sidebar = await people.machine("laptop", identity);
  await sidebar.setViewportSize({ width: 400, height: 700 });
  await hydrated(sidebar, `${server.machines}/sidebar`);
  await signInOnMachine(sidebar, chief, chief.recoveryCodes[0]);
  const question = sidebar.getByRole("textbox", { name: "Question" });
  const answer = sidebar.getByLabel("Answer", { exact: true });
  const newest = answer.getByRole("article", { name: "Newest answer" });
  const upload = (buffer: Buffer, name = "screen.png") =>
    sidebar
      .getByLabel(/^Choose (a|another) picture$/)
      .setInputFiles({ name, mimeType: "image/png", buffer });
  const ended = () => expect(newest.getByText(/42 tokens$/)).toBeVisible();
  /** How many pixels are below the visible part, once a frame was drawn. */
  const below = () =>
    answer.evaluate(async (element) => {
      await new Promise(requestAnimationFrame);
      return Math.round(element.scrollHeight - element.clientHeight - element.scrollTop);
    });

  await test.step("a broken picture is refused at its field, before anything is sent", async () => {
    const { picture } = await shot;
    await upload(picture.subarray(0, picture.length / 2));
    const field = sidebar.getByRole("group", { name: "Picture" });
    await expect(field.getByRole("alert")).toHaveText(/damaged or incomplete/);
    await upload(picture);
    await expect(field.getByRole("alert")).toHaveCount(0);
  });

  await test.step("Enter asks, Shift+Enter makes a line, and the field grows", async () => {
    const before = await question.evaluate((field) => field.clientHeight);
    await question.pressSequentially("one");
    for (const line of ["two", "three", "four", "five"]) {
      await question.press("Shift+Enter");
      await question.pressSequentially(line);
    }
    await expect(question).toHaveValue("one\ntwo\nthree\nfour\nfive");
    await expect.poll(() => question.evaluate((field) => field.clientHeight)).toBeGreaterThan(before);
    await question.press("Enter");
  });

  await test.step("one chunk higher than the view is followed, until the reader scrolls up", async () => {
    const pending = await model.nextQuestion();
    pending.say("First.\n\n");
    await expect(answer.getByText("First.")).toBeVisible();
    pending.say("A line of the answer.\n\n".repeat(200));
    await expect.poll(() => answer.evaluate((element) => element.scrollHeight)).toBeGreaterThan(3_000);
    await expect.poll(below).toBeLessThanOrEqual(4);
    await answer.hover();
    await sidebar.mouse.wheel(0, -300);
    await expect.poll(below).toBeGreaterThan(200);
    const top = await answer.evaluate((element) => element.scrollTop);
    pending.say("More of it.\n\n".repeat(100));
    await expect.poll(below).toBeGreaterThan(2_000);
    expect(await answer.evaluate((element) => element.scrollTop), "it stays").toBe(top);
    pending.end();
    await ended();
  });

  await test.step("a table of ten thousand cells does not freeze the page", async () => {
    await question.fill("A table, please");
    await question.press("Enter");
    const pending = await model.nextQuestion();
    pending.say(`| a | b |\n|---|---|\n${"| 1 | 2 |\n".repeat(6_000)}`);
    const more = newest.getByRole("button", { name: /^Show the rest as text/ });
    await expect(more).toBeVisible();
    pending.end();
    await ended();
    expect(await sidebar.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(8_000);
    await more.click();
    await expect(newest.getByRole("region", { name: "The rest of the answer" })).toContainText("| 1 | 2 |");
  });

  await test.step("Markdown as models write it", async () => {
    await question.fill("Everything at once");
    await question.press("Enter");
    const pending = await model.nextQuestion();
    pending.say("Open C:\\_tmp\\*.log, \\(E=mc^2\\), ~5 of ~9, これは**「重要」**です。\n\n");
    pending.say("| a |\n|---|\n| one<br>two |\n\n<details><summary>More</summary>\n\nfolded\n\n</details>\n");
    pending.end();
    await ended();
    await expect(newest).toContainText("C:\\_tmp\\*.log, \\(E=mc^2\\), ~5 of ~9, これは「重要」です。");
    await expect(newest.locator("strong").filter({ hasText: "「重要」" })).toBeVisible();
    await expect(newest.locator("td br")).toHaveCount(1);
    await expect(newest).not.toContainText("<");
  });

  await test.step("after a reload the conversation and what was typed are there", async () => {
    await question.fill("typed and not asked");
    await hydrated(sidebar, `${server.machines}/sidebar`);
    await expect(newest).toContainText("Everything at once");
    await expect(newest).toContainText("これは「重要」です。");
    await expect(question).toHaveValue("typed and not asked");
    const earlier = answer.getByRole("article", { name: "Earlier answer" });
    await expect(earlier).toHaveCount(2);
    await expect(earlier.first()).toContainText("First.");
    await expect(earlier.last().getByRole("button", { name: /^Show the rest as text/ })).toBeVisible();
    await expect(sidebar.getByRole("heading", { name: "one" })).toBeVisible();
  });

  await test.step("a second tab needs no second sign-in", async () => {
    const tab = await sidebar.context().newPage();
    await hydrated(tab, `${server.machines}/sidebar`);
    await expect(tab.getByRole("article", { name: "Newest answer" })).toContainText("Everything at once");
    await tab.close();
  });

  await test.step("a new conversation, and the history with its search", async () => {
    await sidebar.getByRole("button", { name: "New conversation" }).click();
    await expect(newest).toBeHidden();
    await expect(question).toBeFocused();
    await upload((await shot).picture);
    await question.fill("Something else");
    await question.press("Enter");
    const pending = await model.nextQuestion();
    expect(pending.turns).toEqual([]);
    pending.say("Other.");
    pending.end();
    await ended();

    await sidebar.getByRole("button", { name: "History" }).click();
    const history = sidebar.getByRole("region", { name: "History" });
    const entries = history.getByRole("listitem");
    await expect(entries).toHaveCount(2);
    const search = history.getByRole("searchbox", { name: "Search conversations" });
    await expect(search).toBeFocused();
    await search.fill("FIRST.");
    await expect(entries).toHaveCount(1);
    await history.getByRole("button", { name: "Rename “one”" }).click();
    await history.getByRole("textbox", { name: "Title" }).fill("Tables and lists");
    await sidebar.keyboard.press("Enter");
    const saved = sidebar.waitForEvent("download");
    await history.getByRole("button", { name: "Markdown file of “Tables and lists”" }).click();
    expect((await saved).suggestedFilename()).toBe("conversation.md");
    await history.getByRole("button", { name: /^Tables and lists/ }).click();
    await expect(newest).toContainText("これは「重要」です。");
    await expect(sidebar.getByRole("heading", { name: "Tables and lists" })).toBeVisible();

    await sidebar.getByRole("button", { name: "History" }).click();
    await history.getByRole("button", { name: "Delete “Something else”" }).click();
    const asked = history.getByRole("group", { name: "Delete “Something else”?" });
    await expect(asked.getByRole("button", { name: "Keep" })).toBeFocused();
    await asked.getByRole("button", { name: "Delete" }).click();
    await expect(entries).toHaveCount(1);
    await sidebar.keyboard.press("Escape");
    await expect(history).toBeHidden();
    await expect(newest).toContainText("これは「重要」です。");
    await question.fill("typed and not asked");
  });

  // What the browser says about the network that is cut.
  people.expected.push(/ERR_INTERNET_DISCONNECTED/, /ERR_FAILED/);
  await test.step("a cut network gives one notice, loses nothing, and is over when it is back", async () => {
    await upload((await shot).picture);
    await sidebar.context().setOffline(true);
    await question.press("Enter");
    await expect(answer.getByRole("alert")).toHaveCount(1);
    await expect(answer.getByText("The server cannot be reached", { exact: true })).toBeVisible();
    await expect(question).toHaveValue("typed and not asked");
    await sidebar.context().setOffline(false);
    await answer.getByRole("button", { name: "Ask again" }).click();
    const pending = await model.nextQuestion();
    expect(pending.text).toContain("typed and not asked");
    pending.say("Back.");
    pending.end();
    await ended();
  });

  await test.step("the page recovers by itself when the network is back", async () => {
    await sidebar.route("**/native/session", (route) => route.abort());
    await hydrated(sidebar, `${server.machines}/sidebar`);
    await expect(sidebar.getByRole("alert").filter({ hasText: "cannot be reached" })).toHaveCount(1);
    await expect(sidebar.getByRole("button", { name: "Try again" })).toBeVisible();
    await sidebar.unroute("**/native/session");
    await expect(newest.getByText("Back.")).toBeVisible({ timeout: 15_000 });
  });

  await test.step("the longest words in any script fit at every width", async () => {
    const wide = ["W".repeat(300), "漢".repeat(200), "ש".repeat(300), `https://e.example/${"a/".repeat(150)}`];
    await question.fill(wide.join("\n"));
    await upload((await shot).picture, `${"long-name".repeat(25)}.png`);
    await question.press("Enter");
    const pending = await model.nextQuestion();
    pending.say(wide.map((word) => `${word}\n\n\`${word}\`\n\n> - **${word}**\n\n`).join(""));
    for (const width of [320, 400, 768]) {
      await sidebar.setViewportSize({ width, height: 700 });
      await expect(answer.locator("strong").last()).toBeAttached();
      for (const element of [sidebar.locator("html"), answer, sidebar.getByRole("form", { name: "Question" })]) {
        const overflow = await element.evaluate((e) => e.scrollWidth - e.clientWidth);
        expect.soft(overflow, `${width} px`).toBeLessThanOrEqual(0);
      }
      for (const name of ["Ask", "Cancel"]) {
        const button = sidebar.getByRole("button", { name, exact: true });
        await expect.soft(button, `${name} at ${width} px`).toBeInViewport({ ratio: 1 });
      }
    }
    pending.end();
    await ended();
  });
});

test("a sidebar whose module cannot be loaded says so", async ({ server, mail, people }) => {
  const chief = await firstAdministrator(server);
  const administrator = await Administrator.signedIn(server, chief);
  const identity = await administrator.issue(mail, chief.email);
  await administrator.close();
  const sidebar = await people.machine("laptop", identity);
  await sidebar.route("**/*_bg.wasm", (route) => route.abort());
  people.expected.push(/ERR_FAILED/, /Failed to fetch/, /WebAssembly/);
  await sidebar.goto(`${server.machines}/sidebar`);
  await expect(sidebar.getByRole("alert")).toContainText("The sidebar did not start");
  await expect(sidebar.getByText("Loading", { exact: true })).toBeHidden();
});

/** Puts a picture into the clipboard, as a program for screenshots does. */
async function copyPicture(page: Page, png: Buffer): Promise<void> {
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const blob = new Blob([bytes], { type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
  }, png.toString("base64"));
}
