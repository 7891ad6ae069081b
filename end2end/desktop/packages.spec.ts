// Each system's package × what reads it on Linux: Chromium by its NSS store, curl by OpenSSL, the desktop program by itself.
// OpenSSL and NSS alone read them in the tests of the package `certificate`.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "../fixtures.ts";
import { hydrated } from "../actions.ts";
import { run } from "../process.ts";
import { Administrator, FILE_PASSWORD, firstAdministrator } from "../provision.ts";

test("each system's package opens the server to Chromium, curl and the desktop program", async ({
  server,
  mail,
  people,
}, info) => {
  const shim = process.env.END2END_SHIM;
  if (!shim) throw new Error("END2END_SHIM is not set; start these tests with `cargo xtask test desktop`");
  const admin = await Administrator.signedIn(server, await firstAdministrator(server));
  const [authority, password] = [info.outputPath("ca.pem"), info.outputPath("password")];
  writeFileSync(authority, await (await fetch(`${server.pages}/ca.pem`)).text());
  writeFileSync(password, FILE_PASSWORD, { mode: 0o600 });

  for (const platform of ["linux", "macos", "windows"] as const) {
    const file = info.outputPath(platform, "package");
    mkdirSync(info.outputPath(platform));
    writeFileSync(file, await admin.package(mail, `${platform}@example.org`, platform));
    const p12 = platform === "linux" ? await unpacked(file) : file;

    await test.step(`Chromium reads that for ${platform}`, async () => {
      const identity = { p12: readFileSync(p12), password: FILE_PASSWORD };
      const page = await people.machine(`${platform} home`, identity);
      await hydrated(page, `${server.machines}/sidebar`);
      await expect(page.getByLabel("E-mail address")).toBeVisible();
    });

    await test.step(`curl reads that for ${platform}`, async () => {
      const identity = ["--cert-type", "P12", "--cert", `${p12}:${FILE_PASSWORD}`];
      const modes = `${server.machines}/native/modes`;
      const output = await run("curl", ["--silent", "--show-error", "--cacert", authority, ...identity, modes]);
      // The certificate is good; nobody has signed in.
      expect(JSON.parse(output)).toMatchObject({ status: 401, type: "urn:aiwe:problem:sign-in-required" });
    });

    await test.step(`the desktop program reads that for ${platform}`, async () => {
      const identity = ["--ca", authority, "--identity", p12, "--password-file", password];
      const output = await run(shim, ["--check", "--server", server.machines, ...identity]);
      expect(output).toContain("takes this machine's certificate");
    });
  }
  await admin.close();
});

async function unpacked(zip: string): Promise<string> {
  const folder = join(zip, "..");
  await run("unzip", ["-q", "-d", folder, zip]);
  return (await run("find", [folder, "-name", "*.p12"])).trim();
}
