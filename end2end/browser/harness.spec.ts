// The tests' own instruments, measured against what is known.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { browserIn, furnish } from "../machine.ts";
import { compilerError } from "../screen.ts";
import { Authenticator } from "../totp.ts";

test("the authenticator computes the codes of RFC 6238, appendix B", () => {
  // Base32 of "12345678901234567890"; the RFC's eight digits end in these six.
  const authenticator = new Authenticator("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
  const vectors: [number, string][] = [
    [59, "287082"],
    [1_111_111_109, "081804"],
    [1_234_567_890, "005924"],
    [20_000_000_000, "353130"],
  ];
  for (const [seconds, code] of vectors) expect(authenticator.at(Math.floor(seconds / 30))).toBe(code);
});

test("a screenshot of a compiler's error can be read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aiwe-screen-"));
  const { picture, words } = await compilerError(folder);
  const file = join(folder, "screen.png");
  writeFileSync(file, picture);
  const text = execFileSync("tesseract", [file, "-"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  for (const word of words) expect(text).toContain(word);
});

test("Chromium presents the certificate of a furnished home, and none from an empty one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aiwe-machine-"));
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-subj",
    "/CN=Authority",
    "-days",
    "2",
  );
  for (const [name, usage] of [
    ["localhost", "serverAuth"],
    ["laptop", "clientAuth"],
  ] as const) {
    writeFileSync(join(folder, "extensions"), `extendedKeyUsage=${usage}\nsubjectAltName=DNS:${name}\n`);
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const signer = [
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      "extensions",
    ];
    openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, ...signer);
  }
  openssl(
    "pkcs12",
    "-export",
    "-inkey",
    "laptop.key",
    "-in",
    "laptop.pem",
    "-out",
    "laptop.p12",
    "-passout",
    "pass:a long password",
  );
  const read = (name: string) => readFileSync(join(folder, name));

  const options = {
    key: read("localhost.key"),
    cert: read("localhost.pem"),
    ca: read("ca.pem"),
    requestCert: true,
  };
  const server = createServer({ ...options, rejectUnauthorized: false }, (request, response) => {
    const socket = request.socket as import("node:tls").TLSSocket;
    response.end(`hello ${socket.getPeerCertificate().subject?.CN ?? "stranger"}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `https://localhost:${(server.address() as AddressInfo).port}/`;

  const authority = read("ca.pem").toString();
  const identity = { p12: read("laptop.p12"), password: "a long password" };
  for (const [home, who] of [
    ["with", "laptop"],
    ["without", "stranger"],
  ] as const) {
    await furnish(join(folder, home), authority, home === "with" ? identity : undefined);
    const browser = await browserIn(join(folder, home));
    const page = await browser.newPage();
    await page.goto(address);
    await expect(page.locator("body")).toHaveText(`hello ${who}`);
    await browser.close();
  }
  server.close();
});
