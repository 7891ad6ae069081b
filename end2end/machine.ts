// A provisioned machine: Chromium with the certificate in its own NSS store, as after running the package's
// script. Playwright's own `clientCertificates` does TLS in Node and would hide what Chromium does.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type BrowserContext, chromium as playwright } from "@playwright/test";

import { chromium } from "./chromium.ts";
import { run } from "./process.ts";

/** A PKCS#12 file, as the download page gives it. */
export interface Identity {
  p12: Buffer;
  password: string;
}

/** Creates a home folder whose NSS store trusts the authorities (PEM) and holds the identity, if any. */
export async function createHome(home: string, authorities: string[], identity?: Identity): Promise<string> {
  const store = join(home, ".pki/nssdb");
  const database = `sql:${store}`;
  mkdirSync(store, { recursive: true });
  await run("certutil", ["-N", "-d", database, "--empty-password"]);
  for (const [number, authority] of authorities.entries()) {
    const [name, file] = [`authority ${number}`, join(home, `authority-${number}.pem`)];
    writeFileSync(file, authority);
    await run("certutil", ["-A", "-d", database, "-n", name, "-t", "C,,", "-i", file]);
  }
  if (identity) {
    writeFileSync(join(home, "machine.p12"), identity.p12);
    await run("pk12util", [
      "-i",
      join(home, "machine.p12"),
      "-d",
      database,
      "-W",
      identity.password,
      "-K",
      "",
    ]);
  }
  return home;
}

/** A browser of its own, with `home` as its home folder. */
export function browserIn(home: string): Promise<BrowserContext> {
  return playwright.launchPersistentContext(join(home, "profile"), {
    ...chromium,
    locale: "en-GB",
    env: { ...process.env, HOME: home } as Record<string, string>,
  });
}
