// Whatever the page in the window asks for, nothing is typed without the program's own dialog: a script in it calls the
// commands as any page could.
import { withDesk } from "../desk.ts";
import { type DesktopSession, DIALOG, LETTER } from "../desktop-session.ts";
import { expect, test } from "../fixtures.ts";
import { run } from "../process.ts";
import type { DesktopWindow } from "../webdriver.ts";

interface Looked {
  id: string;
  front: { kind: string; title: string; selectionChars: number };
}

interface Reviewed {
  outcome: { result: string; reason?: string; read_back?: string; chosen?: number };
  text: string;
  refusal?: string;
}

const edit = (id: string, original: string, replacement: string) => ({ id, original, replacement, rationale: "" });
const GRAMMAR = edit("1", "are is", "is");
const HOURS = edit("2", "at six", "at seven 👩\u200d💻");

test("a page types nothing by itself, and what the dialog confirms is typed exactly", async ({ servers, mail, peopleAt }, info) => {
  await withDesk({ servers, mail, peopleAt }, info, "letter.txt", async ({ session, window }) => {
  const review = (looked: Looked, ...edits: unknown[]) =>
    window.invoke<Reviewed>("review_edits", { looked: looked.id, analysisId: "none", edits });
    await session.selectAll();
    const looked = await lookByHotkey(session, window);
    expect(looked.front).toMatchObject({ kind: "window", selectionChars: LETTER.length });
    expect(looked.front.title).toContain("letter.txt");

    // The safe answer has the keyboard; Esc says the same; so does closing the dialog.
    for (const no of ["Return", "Escape"]) {
      const declined = review(looked, GRAMMAR);
      await session.dialog();
      await session.press(no);
      expect((await declined).outcome).toEqual({ result: "declined" });
    }
    const closed = review(looked, GRAMMAR);
    await session.dialog();
    // One dialog at a time.
    await expect(review(looked, HOURS)).rejects.toThrow("Another change waits");
    await run("xdotool", ["search", "--name", DIALOG, "windowclose"], session.screen.environment);
    expect((await closed).outcome).toEqual({ result: "declined" });

    // Refused before anybody is asked.
    const hidden = await review(looked, edit("1", "are is", "i\u200bs"));
    expect(hidden).toMatchObject({ outcome: { result: "stopped", reason: "refused" } });
    expect(hidden.refusal).toContain("cannot be seen");

    // Something else is selected between the question and the answer.
    const stolen = review(looked, GRAMMAR);
    await session.dialog();
    await session.focus();
    await session.press("ctrl+Home", "shift+Right");
    await session.focus(DIALOG);
    await session.press("Tab", "Return");
    expect((await stolen).outcome).toEqual({ result: "stopped", reason: "selection-changed" });
    expect(await session.saved()).toBe(LETTER);

    // One of two changes: the first checkbox stands before the safe answer, the other is taken out.
    await session.selectAll();
    const part = review(looked, GRAMMAR, HOURS);
    await session.dialog();
    await info.attach("dialog", { body: await session.screen.picture(), contentType: "image/png" });
    await session.press("shift+Tab", "space", "Tab", "Tab", "Return");
    expect((await part).outcome).toMatchObject({ result: "inserted", read_back: "exact", chosen: 1 });
    expect(await session.saved()).toBe(LETTER.replace("are is", "is"));
    await session.press("ctrl+z");
    expect(await session.saved()).toBe(LETTER);

    // Both, in one step.
    await session.selectAll();
    const again = await lookByHotkey(session, window);
    const whole = review(again, GRAMMAR, HOURS);
    await session.dialog();
    await session.press("Tab", "Return");
    expect((await whole).outcome).toMatchObject({ result: "inserted", read_back: "exact", chosen: 2 });
    expect(await session.saved()).toBe(LETTER.replace("are is", "is").replace("at six", "at seven 👩\u200d💻"));
    await session.press("ctrl+z");
    expect(await session.saved()).toBe(LETTER);
  });
});

async function lookByHotkey(session: DesktopSession, window: DesktopWindow): Promise<Looked> {
  await window.script(
    `window.looked = new Promise((resolve, reject) => {
       const tauri = window.__TAURI_INTERNALS__;
       const id = tauri.transformCallback(() => tauri.invoke("look", {}).then(resolve, reject));
       window.watched = tauri.invoke("watch_hotkey", { events: "__CHANNEL__:" + id });
     });
     return (await window.watched).keys`,
  );
  await session.focus();
  await session.press("ctrl+alt+space");
  return window.script<Looked>("return window.looked");
}
