// The main job, step 8: the desktop window signs in over mutual TLS, looks at the screen and answers about
// what a real program shows there.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { test } from "../fixtures.ts";
import { approve, requestAccess, download, linkIn, setUp, signIn } from "../actions.ts";
import { Screen, showCompilerError } from "../screen.ts";
import { DesktopWindow } from "../webdriver.ts";

const FILE_PASSWORD = "a password for the file";

test("the window looks at the screen and answers about it", async ({ server, mail, people }, info) => {
  const shim = process.env.END2END_SHIM;
  if (!shim) throw new Error("END2END_SHIM is not set; start these tests with `cargo xtask test desktop`");

  const admin = await people.visitor();
  await signIn(
    admin,
    await setUp(admin, server.setupLink, "chief@example.org", "several words make a password"),
  );
  const requester = await people.visitor();
  await approve(
    admin,
    "anna@example.org",
    await requestAccess(requester, "anna@example.org", "Ubuntu", "Anna's laptop"),
  );
  const link = linkIn(await mail.mailTo("anna@example.org", /approved/i));
  const { p12 } = await download(requester, link, info.outputPath("package"), FILE_PASSWORD);
  await requester.goto(link);
  const href = await requester.getByRole("link", { name: "Set up your sign-in" }).getAttribute("href");
  const setup = new URL(href ?? "", server.pages).href;
  const anna = await setUp(requester, setup, "anna@example.org", "other words make another one");

  const [authority, identity] = [info.outputPath("ca.pem"), info.outputPath("machine.p12")];
  writeFileSync(authority, await (await fetch(`${server.pages}/ca.pem`)).text());
  writeFileSync(identity, p12);
  const screen = await Screen.start("1600x900");
  try {
    const words = showCompilerError(screen, info.outputPath("source"));
    await screen.picture();
    const home = info.outputPath("home");
    const window = await DesktopWindow.open(screen, shim, {
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "data"),
      AIWE_SERVER: server.machines,
      AIWE_CA: authority,
      AIWE_IDENTITY: identity,
      AIWE_IDENTITY_PASSWORD: FILE_PASSWORD,
    });
    await window.type(await window.field("E-mail address"), anna.email);
    await window.type(await window.field("Password"), anna.password);
    await window.press(await window.button("Continue"));
    await window.type(await window.field("Code"), await anna.authenticator.code());
    await window.press(await window.button("Sign in"));
    await window.press(await window.button("Look at my screen"));
    await window.find('//img[@alt="Show the picture that the model gets"]');
    await window.type(await window.field("Question"), "Why does it not compile?");
    await window.press(await window.button("Ask"));
    await window.shows("No model was used");
    for (const word of words) await window.shows(word);
    await info.attach("screen", { body: await screen.picture(), contentType: "image/png" });
    await window.close();
  } finally {
    await screen.stop();
  }
});
