// Checks of a page's appearance: it fits narrow and wide windows in light and dark, and axe finds no violation.
// Screenshots are stored for review.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect } from "./fixtures.ts";

const PICTURES = join(import.meta.dirname, "../target/pictures");
const STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const WINDOWS = { narrow: { width: 360, height: 780 }, wide: { width: 1280, height: 800 } };

/**
 * The colours change nothing but contrast, and the width nothing that differs in one colour scheme alone: so all rules are
 * checked once in each width and each scheme, and contrast in all four.
 */
const COMPLETE = ["narrow, light", "wide, dark"];

/** Checks the open page. Window size and colour scheme are restored afterwards. */
export async function checkAppearance(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  mkdirSync(PICTURES, { recursive: true });
  for (const [width, size] of Object.entries(WINDOWS)) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const shown = `${name}, ${width}, ${colorScheme}`;
      const path = join(PICTURES, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true, animations: "disabled" });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect.soft(overflow, `pixels by which the page is too wide: ${shown}`).toBeLessThanOrEqual(0);
      const rules = new AxeBuilder({ page });
      if (COMPLETE.includes(`${width}, ${colorScheme}`)) rules.withTags(STANDARDS);
      else rules.withRules(["color-contrast"]);
      const { violations } = await rules.analyze();
      const faults = violations.flatMap(({ id, help, nodes }) =>
        nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ""}`),
      );
      expect.soft(faults, shown).toEqual([]);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}
