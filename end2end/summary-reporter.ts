// Ends a run with the same result line as cargo's test programs, so that `cargo xtask test` can add it up.
import type { FullResult, Reporter, Suite } from "@playwright/test/reporter";

export default class SummaryReporter implements Reporter {
  private suite?: Suite;

  onBegin(_config: unknown, suite: Suite) {
    this.suite = suite;
  }

  onEnd(result: FullResult) {
    const outcomes = (this.suite?.allTests() ?? []).map((test) => test.outcome());
    const passed = outcomes.filter((outcome) => outcome === "expected").length;
    const skipped = outcomes.filter((outcome) => outcome === "skipped").length;
    // A test that passes only at the second try has failed.
    const failed = outcomes.length - passed - skipped;
    const word = result.status === "passed" && failed === 0 ? "ok" : "FAILED";
    console.log(`test result: ${word}. ${passed} passed; ${failed} failed; ${skipped} ignored`);
  }

  printsToStdio() {
    return true;
  }
}
