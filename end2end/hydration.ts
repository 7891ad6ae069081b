// Marks a page once its scripts run. Pages read the same before and after, so a test cannot see it
// otherwise.
//
// Leptos hydrates in the same turn in which the WASM is there: the first timer after that comes when it is
// done.
import type { BrowserContext } from "@playwright/test";

export function markHydration(context: BrowserContext): Promise<unknown> {
  return context.addInitScript(() => {
    const load = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...args) => {
      const loaded = await load(...args);
      setTimeout(() => document.documentElement.setAttribute("data-hydrated", ""));
      return loaded;
    };
  });
}
