// Every page of a real gateway: on a desk and on a phone, light and dark, with names for whoever can't see.
import assert from "node:assert/strict";
import { TOKEN } from "./gateway.mjs";
import { DESK, PHONE, open, shot } from "./browser.mjs";
import { suite } from "./suite.mjs";

const { world, test } = suite(["control-ui", "demo", "telegram", "openai"]);
const PAGES = { chat: "Main conversation", setup: "Get started", channels: "Channels", agents: "Agents", models: "Models and usage", plugins: "Plugins", "plugins/demo": "Plugins", automations: "Automations", approvals: "Approvals", devices: "Devices", config: "Configuration", logs: "Logs" };

for (const [size, look] of [["desk", DESK], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every page is whole on a ${size}, ${colorScheme}`, async () => {
      const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN, ...look, colorScheme });
      await page.getByLabel("Message").waitFor();
      for (const [path, heading] of Object.entries(PAGES)) {
        await page.evaluate((path) => (location.hash = `#/${path}`), path);
        await page.getByRole("heading", { name: heading, level: 1 }).first().waitFor();
        await page.locator(".skeleton").first().waitFor({ state: "detached" });
        await page.evaluate(() => new Promise((done) => setTimeout(done, 350)));
        await shot(page, `page-${path.replace("/", "-")}-${size}-${colorScheme}`);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${path} sticks out`);
        assert.deepEqual(await unnamed(page), [], path);
      }
      assert.deepEqual(wrong, []);
      await context.close();
    });
  }
}

test("the keyboard is enough: skip link, navigation, colours", async () => {
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN });
  await page.getByLabel("Message").waitFor();
  await page.evaluate(() => (location.hash = "#/logs"));
  await page.reload(); // the chat takes the focus to where one writes
  await page.getByRole("heading", { name: "Logs" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  await page.getByRole("link", { name: "Plugins" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Plugins" }).waitFor();
  await page.getByRole("button", { name: "Dark" }).focus();
  await page.keyboard.press("Space");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.reload();
  await page.getByRole("heading", { name: "Plugins" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark", "and it stays");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("signing out forgets the browser's keys", async () => {
  const { page, context } = await open(world.browser, world.gateway, { token: TOKEN });
  await page.getByLabel("Message").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Gateway token").waitFor();
  const kept = await page.evaluate(() => Object.keys({ ...localStorage, ...sessionStorage }).filter((key) => /token|auth/.test(key)));
  assert.deepEqual(kept, []);
  await context.close();
});

/** What can be used and has no name for a screen reader. */
function unnamed(page) {
  return page.evaluate(() => {
    const bad = [];
    const seen = (element) => element.checkVisibility({ visibilityProperty: true });
    for (const element of document.querySelectorAll("button, a[href], input:not([hidden]), select, textarea, [role=img]")) {
      if (!seen(element)) continue;
      const label = element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || element.textContent.trim() || [...(element.labels ?? [])].map((one) => one.textContent.trim()).join("");
      if (!label) bad.push(element.outerHTML.slice(0, 120));
    }
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) bad.push(`two elements have the id ${id}`);
    return bad;
  });
}
