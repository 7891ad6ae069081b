import { defineConfig } from "@playwright/test";

import { chromium } from "./chromium.ts";

export default defineConfig({
  forbidOnly: true,
  fullyParallel: true,
  workers: 2,
  timeout: 300_000,
  expect: { timeout: 15_000 },
  outputDir: "test-results",
  reporter: [["list"], ["./summary-reporter.ts"]],
  globalSetup: "./chromium-policy.ts",
  use: {
    launchOptions: chromium,
    locale: "en-GB",
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
  },
  projects: [
    { name: "browser", testDir: "browser" },
    { name: "desktop", testDir: "desktop" },
  ],
});
