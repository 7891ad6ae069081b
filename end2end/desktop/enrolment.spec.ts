// A machine sets itself up: the desktop program without any configuration takes the link of the download page, shows
// whom it leads to, fetches its certificate with the match code, and arrives at the sign-in.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "../fixtures.ts";
import { approve, requestAccess, linkIn, setUp, signIn } from "../actions.ts";
import { run } from "../process.ts";
import { Screen } from "../screen.ts";
import { DesktopWindow } from "../webdriver.ts";

test("a machine sets itself up from a link", async ({ server, mail, people }, info) => {
  const shim = process.env.END2END_SHIM;
  if (!shim) throw new Error("END2END_SHIM is not set; start these tests with `cargo xtask test desktop`");

  const admin = await people.visitor();
  await signIn(
    admin,
    await setUp(admin, server.setupLink, "chief@example.org", "several words make a password"),
  );
  const requester = await people.visitor();
  const code = await requestAccess(requester, "anna@example.org", "Ubuntu", "Anna's laptop");
  await approve(admin, "anna@example.org", code);
  const mailed = linkIn(await mail.mailTo("anna@example.org", /approved/i));
  // The way there needs no scripts.
  const reader = await people.visitor({ scripts: false });
  await reader.goto(mailed);
  const offered = reader.getByRole("link", { name: "Open in the desktop program" });
  const link = (await offered.getAttribute("href")) ?? "";

  const home = info.outputPath("home");
  const account = {
    HOME: home,
    XDG_CACHE_HOME: join(home, "cache"),
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_DATA_HOME: join(home, "data"),
  };
  const screen = await Screen.start("1600x900");
  try {
    const window = await DesktopWindow.open(screen, shim, account);
    // The mail's own link is not encrypted here, and the window says what to do instead.
    await window.type(await window.field("The link"), mailed);
    await window.press(await window.button("Continue"));
    await window.shows("Open it in a browser on this machine");
    await info.attach("first page", { body: await screen.picture(), contentType: "image/png" });

    await window.find('//input[@aria-invalid="true"]');
    await window.clear(await window.field("The link"));
    await window.type(await window.field("The link"), link);
    await window.press(await window.button("Continue"));
    await window.shows("Is this the right server?");
    await window.shows(server.machines);
    const fingerprint = new URL(link).searchParams.get("ca") ?? "";
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
    for (const group of fingerprint.match(/.{4}/g) ?? []) await window.shows(group);
    await info.attach("confirmation", { body: await screen.picture(), contentType: "image/png" });

    await window.press(await window.button("It is: set up this machine"));
    await window.type(await window.field("Your match code"), code === "2222-2222" ? "3333-3333" : "2222-2222");
    await window.press(await window.button("Fetch the certificate"));
    await window.shows("Enter the match code you were shown");
    await window.clear(await window.field("Your match code"));
    await window.type(await window.field("Your match code"), code);
    await window.press(await window.button("Fetch the certificate"));
    await window.shows("This machine is set up");
    await window.shows("only your account can read");
    await info.attach("set up", { body: await screen.picture(), contentType: "image/png" });

    const setup = await window.attribute(
      await window.find('//a[normalize-space() = "Set up your sign-in in your browser"]'),
      "href",
    );
    const anna = await setUp(requester, setup, "anna@example.org", "other words make another one");
    await window.press(await window.find('//a[normalize-space() = "Sign in"]'));
    await window.type(await window.field("E-mail address"), anna.email);
    await window.type(await window.field("Password"), anna.password);
    await window.press(await window.button("Continue"));
    await window.type(await window.field("Code"), await anna.authenticator.code());
    await window.press(await window.button("Sign in"));
    await window.button("Look at my screen");
    await info.attach("signed in", { body: await screen.picture(), contentType: "image/png" });
    await window.close();
  } finally {
    await screen.stop();
  }

  // No key store is there, so the key is in a file, for its owner alone.
  const folder = join(account.XDG_DATA_HOME, "ai-workflow-engine");
  const record = JSON.parse(readFileSync(join(folder, "identity.json"), "utf8")) as Record<string, string>;
  expect(record).toMatchObject({ server: server.machines, kept_in: "file", trusted: "authority" });
  expect(statSync(join(folder, "keys", record.current ?? "")).mode & 0o777).toBe(0o600);

  // What the machine is set up with stands, also without a window, until it is forgotten.
  const program = (argument: string) => run(shim, [argument], { ...process.env, ...account });
  expect(await program("--check")).toContain("takes this machine's certificate");
  expect(await program("--forget")).toContain("were removed");
  const refused = await program("--check").catch((error: { stdout: string }) => error.stdout);
  expect(refused).toContain("not-enrolled");
});
