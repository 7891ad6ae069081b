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
  const answer = sidebar.getByLabel("Answer", { exact: true });
  const steps = answer.getByRole("list", { name: "Steps" });
  const again = answer.getByRole("button", { name: "Ask again" });

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

    pending.say("Nothing here is called ");
    await expect(answer.getByText("Nothing here is called")).toBeVisible();
    await expect(steps.getByText("Answer, under way")).toBeVisible();
    pending.say("**quantity**.");
    await expect(answer.getByText("Nothing here is called quantity.")).toBeVisible();
    await expect(again).toBeHidden();
    pending.end();
    await expect(answer.getByText(/^talker-1 · talker · .* · 42 tokens$/)).toBeVisible();
    await expect(steps.getByText("Answer, done")).toBeVisible();
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
    await expect(question).toBeFocused();
    await expect.poll(() => pending.disconnected).toBe(true);
  });

  await test.step("a silent model is cancelled by keyboard", async () => {
    await question.press("Control+Enter");
    const pending = await model.nextQuestion();
    await expect(steps.getByText("Answer, under way")).toBeVisible();
    await sidebar.keyboard.press("Escape");
    await expect(answer.getByText("Cancelled.")).toBeVisible();
    await expect.poll(() => pending.disconnected).toBe(true);
  });

  await test.step("an answer that is cut off counts as failed", async () => {
    await again.click();
    const pending = await model.nextQuestion();
    pending.say("Half an answer");
    await expect(answer.getByText("Half an answer")).toBeVisible();
    pending.abort();
    await expect(steps.getByText("Answer, failed")).toBeVisible();
    await expect(answer.getByRole("alert")).toBeVisible();
    await expect(answer.getByText("Half an answer"), "what has come stays").toBeVisible();
  });

  /** Asks about what is shown, with a model that fails like this. */
  const expectReader = async ({ words }: Screenshot, about: string, failure: string) => {
    await question.fill(about);
    await question.press("Control+Enter");
    await expect(answer.getByText(`Answer, failed: the model server ${failure}`)).toBeVisible();
    await expect(answer.getByText("No model was used: read from the screen")).toBeVisible({
      timeout: 60_000,
    });
    for (const word of words) await expect(answer).toContainText(word);
  };
  const choose = (buffer: Buffer) =>
    sidebar
      .getByLabel("Choose another picture")
      .setInputFiles({ name: "screen.png", mimeType: "image/png", buffer });

  await test.step("the reader answers where the model refuses or is away, whatever the screen shows", async () => {
    model.errorStatus = 503;
    await expectReader(error, "Why does it not compile at all?", "is busy");
    await model.stop();
    await choose(library.picture);
    await expectReader(library, "When is it open on Saturday?", "cannot be reached");
    await choose(till.picture);
    await expectReader(till, "Which port has the printer?", "cannot be reached");
  });
});

/** Puts a picture into the clipboard, as a program for screenshots does. */
async function copyPicture(page: Page, png: Buffer): Promise<void> {
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const blob = new Blob([bytes], { type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
  }, png.toString("base64"));
}
