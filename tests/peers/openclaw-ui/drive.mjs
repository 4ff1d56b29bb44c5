// What is done in the page, and what must come of it. Prints a line of JSON for each function.
import { createRequire } from "node:module";
import { createInterface } from "node:readline/promises";
import { serve } from "./serve.mjs";

const { modules, folder, chromium: executablePath, token, first, second } = JSON.parse(process.argv[2]);
const { chromium } = createRequire(modules)("playwright-core");
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PATIENCE = 60_000;
// the page shows what it could not get in these
const BANNERS = '[role="alert"], .callout.danger, .oc-banner-error, [class*="error-banner"], [class*="chat-error"], [class$="usage-error"]';
const PAGES = [
  ["Home", "/"],
  ["Agents", "/agents"],
  ["Automations", "/automations"],
  ["Plugins", "/plugins"],
  ["Skills", "/skills"],
  ["Usage", "/usage"],
  ["Logs", "/logs"],
  ["Debug", "/debug"],
  ["Tasks", "/tasks"],
  ["Settings: channels", "/settings/channels"],
  ["Settings: devices", "/settings/devices"],
  ["Settings: models", "/settings/model-providers"],
  ["Settings: approvals", "/settings/approvals"],
  ["Settings: appearance", "/settings/appearance"],
  ["Settings: communications", "/settings/communications"],
  ["Settings: automation", "/settings/automation"],
  ["Settings: infrastructure", "/settings/infrastructure"],
  ["Settings: agents", "/settings/ai-agents"],
];

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let port = 0;
const { server, url } = await serve(folder, () => port);
tell({ origin: url });
port = Number((await lines.next()).value);
const browser = await chromium.launch({ executablePath, args: FLAGS });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
page.setDefaultTimeout(PATIENCE);

let missing = new Set();
let open = new Map();
page.on("websocket", (socket) => {
  open = new Map();
  socket.on("framesent", ({ payload }) => {
    const frame = JSON.parse(payload);
    if (frame.type === "req") open.set(frame.id, frame.method);
  });
  socket.on("framereceived", ({ payload }) => {
    const frame = JSON.parse(payload);
    if (frame.type !== "res") return;
    open.delete(frame.id);
    const unknown = frame.error?.message.match(/^unknown method: (.+)$/);
    if (unknown) missing.add(unknown[1]);
    else if (frame.error) console.error("refused:", JSON.stringify(frame.error));
  });
});

function tell(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Waits until the page has asked, and has an answer to all that it asked. */
async function quiet() {
  await page.waitForTimeout(1500);
  for (let end = Date.now() + PATIENCE / 4; open.size > 0 && Date.now() < end; ) await page.waitForTimeout(100);
  await page.waitForTimeout(300);
}

async function banners() {
  const texts = await page.locator(BANNERS).evaluateAll((all) => all.filter((one) => one.checkVisibility()).map((one) => one.innerText));
  return [...new Set(texts.map((text) => text.trim()).filter(Boolean))];
}

async function check(name, work) {
  missing = new Set();
  try {
    await work();
  } catch (error) {
    tell({ function: name, result: `fails: ${String(error.message).split("\n")[0]}` });
    return;
  }
  const shown = await banners();
  const names = [...missing].sort().map((method) => `\`${method}\``);
  const without = names.length > 0 ? `, without ${names.join(", ")}` : "";
  const banner = shown.length > 0 && `shows an error: ${shown[0].slice(0, 120)}`;
  tell({ function: name, result: banner ? banner + without : `works${without}` });
}

const composer = () => page.getByLabel("Chat composer").last();
const shows = (text) => page.getByText(text).last().waitFor();

async function say(text) {
  await composer().fill(text);
  await composer().press("Enter");
}

async function until(wrong, holds) {
  for (const end = Date.now() + PATIENCE / 2; !(await holds()); await page.waitForTimeout(100)) {
    if (Date.now() > end) throw new Error(wrong);
  }
}

const edited = (text) => until("the message is not there to be edited", async () => (await composer().inputValue()).includes(text));

/** Does what the menu of a message offers. */
async function act(text, name) {
  await page.getByText(text, { exact: true }).first().click({ button: "right" });
  await page.getByRole("menu").getByText(name).first().click();
}

async function visit(path) {
  await page.evaluate((to) => {
    history.pushState({}, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, path);
  await quiet();
}

await check("loads and connects with the token of the fragment", async () => {
  await page.goto(`${url}/#token=${token}`);
  await composer().waitFor();
  await page.getByText("Connected", { exact: true }).first().waitFor();
  await quiet();
  if (page.url().includes(token)) throw new Error("the token stays in the address");
});
await check("a message is answered", async () => {
  await say("hello from a browser");
  await shows("You said: hello from a browser");
  await quiet();
});
await check("a tool call is shown", async () => {
  await say('/tool count_words {"text":"a b c"}');
  await shows(/count_words answered/);
  await quiet();
});
await check("the history is there after a reload", async () => {
  await page.reload();
  await shows("You said: hello from a browser");
  await quiet();
});
await check("a conversation goes back to before a message", async () => {
  await page.goto(`${url}/chat/main`);
  await composer().waitFor();
  await quiet();
  await say("the first way");
  await shows("You said: the first way");
  await quiet();
  const said = page.getByText("You said: the first way");
  const before = await said.count();
  await act("the first way", "Rewind to here");
  await page.locator(".chat-confirm-popover").getByRole("button", { name: "Rewind" }).click();
  // one in the conversation, and perhaps one in the list of conversations
  await until("the answer stays", async () => (await said.count()) < before);
  await edited("the first way");
  await say("another way");
  await shows("You said: another way");
  await quiet();
});
await check("a conversation is forked", async () => {
  const before = page.url();
  await act("another way", "Fork from here");
  await page.waitForURL((at) => at.href !== before);
  await composer().waitFor();
  await quiet();
  await edited("another way");
});
await check("an answer is shown while it grows", async () => {
  await page.goto(`${url}/chat/slow`);
  await composer().waitFor();
  await quiet();
  await say("slowly please");
  await shows(first.trim());
  if ((await page.getByText(second).count()) > 0) throw new Error("it comes as a whole");
  tell({ ask: "go on" });
  await shows(second);
});
await check("an answer is stopped", async () => {
  await say("slowly again");
  await page.getByRole("button", { name: /stop/i }).first().click();
  await page.getByRole("button", { name: /stop/i }).first().waitFor({ state: "hidden" });
  tell({ ask: "go on" });
});
for (const [name, path] of PAGES) {
  await check(`page ${name}`, async () => {
    await visit(path);
    const at = new URL(page.url()).pathname;
    if (path !== "/" && at !== path) throw new Error(`it leads to ${at}`);
  });
}
await browser.close();
// nothing that still listens is waited for
process.exit(0);
