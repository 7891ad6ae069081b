// Tests of the test tools themselves.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { Authority } from "../authority.ts";
import { DAY, clockOffset } from "../clock.ts";
import { browserIn, createHome } from "../machine.ts";
import { run } from "../process.ts";
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

test("a program with a clock offset reads another date", async ({}, info) => {
  const folder = info.outputPath("clock");
  mkdirSync(folder);
  const env = { ...process.env, ...(await clockOffset(-200 * DAY, folder)) };
  const seconds = Number(await run("date", ["+%s"], env));
  expect(Math.abs(Date.now() / 1000 - 200 * DAY - seconds)).toBeLessThan(60);
});

test("a screenshot of a compiler's error can be read", async ({}, info) => {
  const folder = info.outputPath("screen");
  mkdirSync(folder);
  const { picture, words } = await compilerError(folder);
  const file = join(folder, "screen.png");
  writeFileSync(file, picture);
  const text = execFileSync("tesseract", [file, "-"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  for (const word of words) expect(text).toContain(word);
});

test("Chromium presents the certificate in the home folder, and none from an empty one", async ({}, info) => {
  const folder = info.outputPath("machine");
  mkdirSync(folder);
  const authority = await Authority.create(folder, "/CN=Authority");
  const { certificate, key } = await authority.issue("localhost", "serverAuth");
  const identity = await authority.identity("laptop");

  const options = {
    key: readFileSync(key),
    cert: readFileSync(certificate),
    ca: authority.pem,
    requestCert: true,
  };
  const server = createServer({ ...options, rejectUnauthorized: false }, (request, response) => {
    const socket = request.socket as import("node:tls").TLSSocket;
    response.end(`hello ${socket.getPeerCertificate().subject?.CN ?? "stranger"}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `https://localhost:${(server.address() as AddressInfo).port}/`;

  for (const [home, who] of [
    ["with", "laptop"],
    ["without", "stranger"],
  ] as const) {
    await createHome(join(folder, home), [authority.pem], home === "with" ? identity : undefined);
    const browser = await browserIn(join(folder, home));
    const page = await browser.newPage();
    await page.goto(address);
    await expect(page.locator("body")).toHaveText(`hello ${who}`);
    await browser.close();
  }
  server.close();
});
