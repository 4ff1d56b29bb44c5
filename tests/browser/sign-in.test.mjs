// Signing in to a platform by a code that a phone reads.
import assert from "node:assert/strict";
import { TOKEN } from "./gateway.mjs";
import { open, shot } from "./browser.mjs";
import { suite } from "./suite.mjs";

const { world, test } = suite(["control-ui", "demo", "loopback"], () => ({ channels: { loopback: { signedOut: true } } }));

test("codes are shown until one is read, and the account is connected", async () => {
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN });
  await page.getByLabel("Message").waitFor();
  await page.evaluate(() => (location.hash = "#/channels"));
  await page.getByText("nobody has signed in").waitFor();
  // what is shown goes quickly: this platform's first code runs out at once, and its second one is read at once
  await page.evaluate(() => {
    globalThis.shown = [];
    new MutationObserver(() => {
      const { src, naturalWidth } = document.querySelector("dialog img.qr") ?? {};
      const text = document.querySelector("dialog .body p")?.textContent;
      if (src && !globalThis.shown.some((one) => one.src === src)) globalThis.shown.push({ src, text, naturalWidth });
    }).observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
  });
  await page.getByRole("button", { name: "Sign in by code" }).click();
  await page.getByText("Signed in", { exact: true }).waitFor();
  const shown = await page.evaluate(() => globalThis.shown);
  assert.deepEqual(shown.map(({ text }) => text), ["Read code 1.", "Read code 2."]);
  for (const { src } of shown) assert.match(src, /^data:image\/png;base64,/);
  await page.getByRole("button", { name: "Sign in by code" }).waitFor({ state: "detached" });
  await shot(page, "signed-in-by-code");
  assert.deepEqual(wrong, []);
  await context.close();
});
