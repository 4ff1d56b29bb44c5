// From nothing to a chatting assistant: no configuration but the token, and the model that needs no key.
import assert from "node:assert/strict";
import { TOKEN } from "./gateway.mjs";
import { open, shot } from "./browser.mjs";
import { suite } from "./suite.mjs";

const { world, test } = suite(["control-ui", "demo", "openai", "telegram"]);

test("a wrong token is refused in words, the right one leads to an answer", async () => {
  const { page, context, wrong } = await open(world.browser, world.gateway);
  await page.getByLabel("Gateway token").fill("not-the-token");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("That is not this gateway's token.").waitFor();
  await shot(page, "first-run-1-refused");
  await page.getByLabel("Gateway token").fill(TOKEN);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("heading", { name: "What shall we do?" }).waitFor();
  await shot(page, "first-run-2-empty");
  await page.getByLabel("Message").fill("Hello there");
  await page.keyboard.press("Enter");
  await page.locator("article").getByText("You said: Hello there").waitFor();
  await page.getByRole("button", { name: "Copy the answer" }).waitFor({ state: "attached" });
  await shot(page, "first-run-3-answered");
  await page.reload();
  await page.locator("article").getByText("You said: Hello there").waitFor();
  assert.equal(await page.locator(".bubble").getByText("Hello there", { exact: true }).count(), 1, "shown once, from the history");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a token in the fragment is taken and removed; the browser's own key is enough afterwards", async () => {
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN });
  await page.getByLabel("Message").waitFor();
  assert.equal(page.url().includes(TOKEN), false, page.url());
  assert.equal(await page.evaluate((token) => JSON.stringify(localStorage).includes(token), TOKEN), false, "the token is in no lasting storage");
  const again = await context.newPage();
  await again.goto(world.gateway.url);
  await again.getByLabel("Message").waitFor();
  await again.goto(`${world.gateway.url}#token=another`);
  await again.getByText("That is not this gateway's token.").waitFor();
  await again.reload();
  await again.getByLabel("Message").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test("the first steps say that a demonstration answers, and what to do about it", async () => {
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN });
  await page.getByRole("link", { name: "Get started" }).click();
  await page.getByText("demonstration model").waitFor();
  await page.getByRole("button", { name: /^OpenAI/ }).click();
  await page.getByRole("button", { name: /Telegram/ }).click();
  await shot(page, "first-run-4-steps");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a link can't lead the page to another gateway", async () => {
  const { page, context, wrong } = await open(world.browser, world.gateway, { path: "?gatewayUrl=ws://127.0.0.1:9/&token=x", token: TOKEN });
  await page.getByLabel("Message").waitFor();
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.equal(stored.includes("127.0.0.1:9/"), false);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("the page is found below the path that the operator chose, and nowhere when it is switched off", async () => {
  const { Gateway } = await import("./gateway.mjs");
  const gateway = new Gateway(["control-ui", "demo"]);
  try {
    gateway.configure({ gateway: { mode: "local", auth: { token: TOKEN }, controlUi: { basePath: "/ui" } } });
    await gateway.start();
    const status = async (path) => (await fetch(gateway.url + path, { redirect: "manual" })).status;
    assert.deepEqual(await Promise.all(["", "chat", "ui", "ui/", "ui/chat", "healthz"].map(status)), [404, 404, 302, 200, 200, 200]);
    const { page, context, wrong } = await open(world.browser, gateway, { token: TOKEN, path: "ui" });
    await page.getByLabel("Message").waitFor();
    assert.equal(new URL(page.url()).pathname, "/ui/");
    assert.deepEqual(wrong, []);
    await context.close();
    await gateway.kill();
    gateway.configure({ gateway: { mode: "local", auth: { token: TOKEN }, controlUi: { enabled: false } } });
    await gateway.start();
    assert.deepEqual(await Promise.all(["", "ui/", "healthz"].map(status)), [404, 404, 200]);
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
});

test("a browser that has to be approved says how, and goes on by itself when it is", async () => {
  const { Gateway } = await import("./gateway.mjs");
  const gateway = new Gateway(["control-ui", "demo"]);
  try {
    gateway.configure({ gateway: { mode: "local", auth: { token: TOKEN }, nodes: { pairing: { autoApproveLocal: false } } } });
    await gateway.start();
    const { page, context, wrong } = await open(world.browser, gateway, { token: TOKEN });
    await page.getByRole("heading", { name: "Approve this browser" }).waitFor();
    await shot(page, "first-run-5-approve");
    const request = (await page.locator("code.chip").innerText()).split(" ").at(-1);
    await gateway.cli(["devices", "approve", request]);
    await page.getByLabel("Message").waitFor();
    await page.evaluate(() => (location.hash = "#/devices"));
    await page.getByText("this browser").waitFor();
    await shot(page, "first-run-6-devices");
    assert.deepEqual(wrong, []);
    await context.close();
  } finally {
    await gateway[Symbol.asyncDispose]();
  }
});

test("where the browser has no cryptography for pages, the page brings its own", async () => {
  const prepare = (page) => page.addInitScript(() => {
    Object.defineProperty(globalThis, "isSecureContext", { value: false });
    Object.defineProperty(crypto, "subtle", { value: undefined });
    Object.defineProperty(crypto, "randomUUID", { value: undefined });
  });
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN, prepare });
  await page.getByLabel("Message").fill("Hello from afar");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("article").getByText("You said: Hello from afar").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});
