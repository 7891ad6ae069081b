// A signed-in desktop window beside an editor with a letter.
import { writeFileSync } from "node:fs";

import type { TestInfo } from "@playwright/test";

import { approve, download, hydrated, linkIn, requestAccess, setUp, signIn, type Account } from "./actions.ts";
import { DesktopSession } from "./desktop-session.ts";
import { expect, type People, type Servers } from "./fixtures.ts";
import type { MailServer } from "./mail.ts";
import { Model } from "./model.ts";
import type { Server } from "./server.ts";
import { DesktopWindow } from "./webdriver.ts";

const FILE_PASSWORD = "a password for the file";

export interface Fixtures {
  servers: Servers;
  mail: MailServer;
  peopleAt: (server: Server) => People;
}

export interface Desk {
  session: DesktopSession;
  window: DesktopWindow;
  model: Model;
}

/** Runs `body` with a signed-in window beside an editor with the letter. */
export async function withDesk(
  { servers, mail, peopleAt }: Fixtures,
  info: TestInfo,
  name: string,
  body: (desk: Desk) => Promise<void>,
): Promise<void> {
  const shim = process.env.END2END_SHIM;
  if (!shim) throw new Error("END2END_SHIM is not set; start these tests with `cargo xtask test desktop`");
  const model = await Model.start();
  const server = await servers.start({ folder: info.outputPath("server"), settings: model.settings });
  const anna = await machine(server, peopleAt(server), mail, info);
  const session = await DesktopSession.start(info.outputPath("home"), name);
  const variables = {
    ...session.environment,
    AIWE_SERVER: server.machines,
    AIWE_CA: info.outputPath("ca.pem"),
    AIWE_IDENTITY: info.outputPath("machine.p12"),
    AIWE_IDENTITY_PASSWORD: FILE_PASSWORD,
  };
  const window = await DesktopWindow.open(session.screen, shim, variables, session.bus);
  try {
    await window.type(await window.field("E-mail address"), anna.email);
    await window.type(await window.field("Password"), anna.password);
    await window.press(await window.button("Continue"));
    await window.type(await window.field("Code"), await anna.authenticator.code());
    await window.press(await window.button("Sign in"));
    await window.shows("Ctrl+Alt+Space looks at the window in front");
    await body({ session, window, model });
  } finally {
    await window.close();
    await session.screen.stop();
    await model.stop();
  }
}

/** A machine with its package, and its person, in a mode that allows changes. */
async function machine(server: Server, people: People, mail: MailServer, info: TestInfo): Promise<Account> {
  const admin = await people.visitor();
  await signIn(
    admin,
    await setUp(admin, server.setupLink, "chief@example.org", "several words make a password"),
  );
  await hydrated(admin, "/admin/modes");
  await admin.getByRole("link", { name: "General" }).first().click();
  await admin.getByLabel(/Answers may propose changes/).check();
  await admin.getByRole("button", { name: "Save mode" }).click();
  await expect(admin).toHaveURL(/\/admin\/modes$/);
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
  writeFileSync(info.outputPath("ca.pem"), await (await fetch(`${server.pages}/ca.pem`)).text());
  writeFileSync(info.outputPath("machine.p12"), p12);
  const setup = new URL(href ?? "", server.pages).href;
  return setUp(requester, setup, "anna@example.org", "other words make another one");
}
