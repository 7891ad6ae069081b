// The editor of workflows by keyboard alone: a workflow is made, saved, and chosen in a mode.
import type { Page } from "@playwright/test";

import { hydrated, setUp, signIn } from "../actions.ts";
import { expect, test } from "../fixtures.ts";

/** Focuses an element as a screen reader's user finds it, and presses Enter. */
async function press(page: Page, role: "button" | "link", name: string | RegExp): Promise<void> {
  const element = page.getByRole(role, { name }).first();
  await element.focus();
  await expect(element).toBeFocused();
  await page.keyboard.press("Enter");
}

/** Chooses by typing the first letters of an option. */
async function choose(page: Page, label: string | RegExp, letters: string, value: string): Promise<void> {
  const list = page.getByLabel(label, { exact: true }).last();
  await list.focus();
  await page.keyboard.type(letters);
  await expect(list).toHaveValue(value);
}

test("a workflow is made by keyboard alone, saved, and chosen in a mode", async ({ server, people }) => {
  const admin = await people.visitor();
  const account = await setUp(admin, server.setupLink, "chief@example.org", "several words make a password");
  await signIn(admin, account);
  await hydrated(admin, "/admin/workflows/new");

  // The example is open; all but its first step is removed, and the focus goes to the neighbour.
  const name = admin.getByLabel("Name of the workflow");
  await name.focus();
  await admin.keyboard.press("Control+A");
  await admin.keyboard.type("By keyboard");
  await press(admin, "button", "Remove step quote");
  await expect(admin.getByLabel("Name", { exact: true }).last()).toBeFocused();
  await press(admin, "button", "Remove step ask");
  await expect(admin.getByRole("status").first()).toContainText("ask removed");

  await choose(admin, "Type of the new step", "tr", "transform");
  await press(admin, "button", "Add step");
  const step = admin.getByLabel("Name", { exact: true }).last();
  await expect(step).toBeFocused();
  await admin.keyboard.press("Control+A");
  await admin.keyboard.type("say");
  await admin.keyboard.press("Tab");
  await expect(admin.getByRole("heading", { name: /^say/ })).toBeVisible();
  await admin.getByLabel("Text", { exact: true }).focus();
  await admin.keyboard.type("You asked: {{question}}");
  await choose(admin, "Write to", "answer", "answer");

  // One edge from the first step to the new one, and one to the end.
  await press(admin, "button", "Add edge");
  await expect(admin.getByLabel("From", { exact: true }).last()).toBeFocused();
  await choose(admin, "From", "read", "read");
  await choose(admin, "To", "say", "say");
  await press(admin, "button", "Add edge");
  await expect(admin.getByLabel("From", { exact: true }).last()).toHaveValue("say");

  // The drawing shows it, and a step in it leads to its form.
  const drawn = admin.getByRole("group", { name: /as a drawing/ });
  await drawn.getByRole("button", { name: /^say/ }).focus();
  await admin.keyboard.press("ArrowRight");
  await expect(admin.getByRole("status").first()).toContainText("say moved");
  await admin.keyboard.press("Enter");
  await expect(step).toBeFocused();

  // The JSON is in step.
  await press(admin, "button", "JSON");
  await expect(admin.getByLabel("Workflow", { exact: true })).toHaveValue(/"position"/);
  await press(admin, "button", "Check");
  await expect(admin.getByRole("status").first()).toContainText("no errors");
  await press(admin, "button", "Save workflow");
  await expect(admin).toHaveURL(/\/admin\/workflows$/);
  await expect(admin.getByRole("link", { name: "By keyboard" })).toBeVisible();

  await hydrated(admin, "/admin/modes");
  await press(admin, "link", "Coding Assistant");
  await expect(admin.getByLabel("Name")).toHaveValue("Coding Assistant");
  const workflow = admin.getByLabel("Workflow");
  await workflow.focus();
  await admin.keyboard.type("By");
  await press(admin, "button", "Save mode");
  await expect(admin).toHaveURL(/\/admin\/modes$/);
  await press(admin, "link", "Coding Assistant");
  await expect(admin.getByLabel("Workflow").locator("option:checked")).toHaveText("By keyboard");
});
