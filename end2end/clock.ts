// Programs whose clock is shifted.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { run } from "./process.ts";

/** In seconds. */
export const DAY = 24 * 3600;

/** Environment variables that shift a program's clock by `seconds`; `folder` is the test's. */
export async function clockOffset(seconds: number, folder: string): Promise<Record<string, string>> {
  mkdirSync(folder, { recursive: true });
  const library = join(folder, "clock_offset.so");
  const source = join(import.meta.dirname, "tools/clock_offset.c");
  await run("cc", ["-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source]);
  return { LD_PRELOAD: library, CLOCK_OFFSET: String(seconds) };
}
