// Programs that believe that it is another day.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { run } from "./process.ts";

/** In seconds. */
export const DAY = 24 * 3600;

/** The variables with which a program's date is so many seconds ahead; `folder` is the test's. */
export async function moved(seconds: number, folder: string): Promise<Record<string, string>> {
  mkdirSync(folder, { recursive: true });
  const library = join(folder, "moved_clock.so");
  const source = join(import.meta.dirname, "tools/moved_clock.c");
  await run("cc", ["-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source]);
  return { LD_PRELOAD: library, CLOCK_MOVED: String(seconds) };
}
