// Eyes and hands: the window in front is looked at by a hotkey, the answer proposes a change of the selected text, the
// program's own dialog confirms it, and the text stands changed in the editor. What is left out is not sent.
import { writeFileSync } from "node:fs";

import { withDesk } from "../desk.ts";
import { LETTER } from "../desktop-session.ts";
import { expect, test } from "../fixtures.ts";
import { run } from "../process.ts";

test("a proposed change is confirmed, typed, read back and undone by one key", async ({ servers, mail, peopleAt }, info) => {
  await withDesk({ servers, mail, peopleAt }, info, "letter.txt", async ({ session, window, model }) => {
    await session.selectAll();
    await session.press("ctrl+alt+space");
    await window.shows("letter.txt");
    await window.shows(`${LETTER.length} characters selected`);
    await window.type(await window.field("Question"), "Correct it.");
    await info.attach("target", { body: await session.screen.picture(), contentType: "image/png" });
    await window.press(await window.button("Ask"));

    const question = await model.nextQuestion();
    expect(question.text).toContain("the door are is open.");
    const mark = /```edit (\S+)/.exec(question.system)?.[1] ?? "none";
    const edit = (original: string, replacement: string) =>
      `\`\`\`edit ${mark}\n${JSON.stringify({ original, replacement, rationale: "Grammar." })}\n\`\`\`\n`;
    question.say(`Two corrections.\n${edit("are is", "is")}${edit("at six", "at seven 👩\u200d💻")}`);
    question.end();
    await window.shows("the window’s own text");

    await window.press(await window.find('//button[@id="review"]'));
    await session.dialog();
    await info.attach("dialog", { body: await session.screen.picture(), contentType: "image/png" });
    // The safe answer has the keyboard.
    await session.press("Return");
    await window.shows("Nothing was typed.");
    await window.press(await window.find('//button[@id="review"]'));
    await session.dialog();
    // The page shares its origin with the dialog, and can neither read nor answer it.
    const answer = await window.script<string>(
      `const answer = await fetch("/~shim/confirmation", { method: "POST", body: new URLSearchParams("decision=yes&change=0") });
       return String(await answer.text()).slice(0, 10000).replace(/[^ -~]/g, "")`,
    );
    expect(answer).not.toContain("About to type");
    await session.press("Tab", "Return");
    await window.shows("One Ctrl+Z there undoes it");
    await window.shows("it stands there exactly");
    await info.attach("changed", { body: await session.screen.picture(), contentType: "image/png" });
    expect(await session.saved()).toBe(LETTER.replace("are is", "is").replace("at six", "at seven 👩\u200d💻"));
    await session.press("ctrl+z");
    expect(await session.saved()).toBe(LETTER);
  });
});

test("of an excluded window neither pixels nor text are sent", async ({ servers, mail, peopleAt }, info) => {
  await withDesk({ servers, mail, peopleAt }, info, "Passwords - KeePassXC.txt", async ({ session, window, model }) => {
    await session.selectAll();
    const [x, y, width, height] = await session.geometry();
    await session.press("ctrl+alt+space");
    await window.shows("The window in front is left out");
    await window.type(await window.field("Question"), "What is there?");
    await window.press(await window.button("Ask"));
    const question = await model.nextQuestion();
    for (const word of ["door", "KeePassXC", "six"]) expect(question.text).not.toContain(word);
    const uploaded = info.outputPath("uploaded.png");
    writeFileSync(uploaded, question.picture);
    question.say("Nothing of it.");
    question.end();
    await window.shows("Nothing of it.");
    // The screen is black, the mask dark grey, and the editor white. The server sends a JPEG, which is exact to a few steps.
    const lightness = async (what: string, ...cut: string[]) =>
      Number(await run("convert", [uploaded, ...cut, "-format", `%[fx:round(${what}*255)]`, "info:"], process.env));
    expect(await lightness("maxima")).toBeLessThan(40);
    const inside = ["-crop", `${width - 80}x${height - 80}+${x + 40}+${y + 40}`];
    expect(await lightness("minima", ...inside)).toBeGreaterThan(28);
  });
});
