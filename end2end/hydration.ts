// Marks a page once it is hydrated. A page looks the same before and after, so a test cannot tell otherwise.
//
// Leptos hydrates in the same task in which the WASM module is instantiated: the next timer fires when it is done.
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
