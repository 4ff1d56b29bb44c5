// What the gateway of these tests has nothing to show of by itself: settings, approvals, a very long conversation, a
// failed channel. The answers of single methods are set here; everything else is the real gateway.
import assert from "node:assert/strict";
import { TOKEN } from "./gateway.mjs";
import { open, shot } from "./browser.mjs";
import { overlay } from "./overlay.mjs";
import { suite } from "./suite.mjs";

const { world, test } = suite(["control-ui", "demo"]);

async function signedIn(methods, path) {
  let laid;
  const prepare = async (page) => (laid = await overlay(page, methods));
  const opened = await open(world.browser, world.gateway, { token: TOKEN, prepare });
  await opened.page.getByRole("link", { name: "Channels" }).waitFor();
  await opened.page.evaluate((path) => (location.hash = `#/${path}`), path);
  return { ...opened, ...laid };
}

const SETTINGS = {
  type: "object",
  required: ["greeting"],
  properties: {
    greeting: { type: "string", description: "What it says first.", default: "Hello" },
    delayMs: { type: "integer", minimum: 0, maximum: 10_000, default: 0, description: "Pause between words, milliseconds." },
    style: { enum: ["plain", "loud", "quiet"], default: "plain", description: "How it speaks." },
    apiKey: { type: "string", description: "Key of the service." },
    echo: { type: "boolean", default: true, description: "Repeat what it hears." },
    words: { type: "array", items: { type: "string" }, description: "Words that it never says." },
    limits: { type: "object", properties: { perMinute: { type: "number", description: "Messages a minute." } } },
  },
};
const schema = { type: "object", properties: { plugins: { type: "object", properties: { entries: { type: "object", properties: { demo: { type: "object", properties: { config: SETTINGS } } } } } } } };
const config = (hash, demo) => ({ path: "openclaw.json", raw: "{}", valid: true, hash, sourceConfig: { plugins: { entries: { demo: { config: demo } } } } });

test("a form is made from the schema, and only what was changed is sent", async () => {
  let current = { greeting: "Hello", apiKey: "__OPENCLAW_REDACTED__", words: ["no"] };
  const patches = [];
  let patched = () => {};
  const { page, context, wrong } = await signedIn({
    "config.get": () => config("h1", current),
    "config.schema": () => ({ schema, uiHints: {} }),
    "config.patch": (params) => {
      patches.push(params);
      current = { ...current, ...JSON.parse(params.raw).plugins.entries.demo.config };
      patched();
      return { ok: true };
    },
  }, "plugins/demo");
  await page.getByLabel("Delay ms").fill("99999");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("At most 10000.").waitFor();
  assert.equal(patches.length, 0, "what is wrong is not sent");
  await page.getByLabel("Delay ms").fill("250");
  await page.getByLabel("Api key").fill("by mistake");
  await page.getByLabel("Api key").fill("");
  await page.getByLabel("Style").selectOption({ label: "loud" });
  await page.getByRole("switch", { name: "Echo" }).uncheck({ force: true });
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByLabel("Entry 2", { exact: true }).fill("never");
  await page.getByLabel("Delay ms").scrollIntoViewIfNeeded();
  await shot(page, "form-1-changed");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").getByText("Saved").waitFor();
  assert.deepEqual(patches.map(({ raw, baseHash }) => [JSON.parse(raw), baseHash]), [[{ plugins: { entries: { demo: { config: { delayMs: 250, style: "loud", echo: false, words: ["no", "never"] } } } } }, "h1"]]);
  await page.getByText("Changed", { exact: true }).waitFor({ state: "detached" });
  await page.getByLabel("Remove entry 2").click();
  await page.getByLabel("Remove entry 1").click();
  const again = new Promise((done) => (patched = done));
  await page.getByRole("button", { name: "Save" }).click();
  await again;
  assert.deepEqual(JSON.parse(patches[1].raw).plugins.entries.demo.config, { words: [] }, "none is not the same as not set");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a change that came first is not overwritten", async () => {
  const { page, context } = await signedIn({
    "config.get": () => config("h1", { greeting: "Hello" }),
    "config.schema": () => ({ schema }),
    "config.patch": () => {
      throw { code: "INVALID_REQUEST", message: "config changed since last load; re-run config.get and retry" };
    },
  }, "plugins/demo");
  await page.getByLabel("Greeting").fill("Hi");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("changed elsewhere").waitFor();
  assert.equal(await page.getByLabel("Greeting").inputValue(), "Hi", "what was entered is still there");
  await context.close();
});

test("the file is checked while it is written, and shown as a difference before it is saved", async () => {
  const raw = '{\n  // a comment\n  "gateway": { "mode": "local" },\n}\n';
  const saved = [];
  let read = () => {};
  const { page, context, wrong, event } = await signedIn({
    "config.get": () => {
      read();
      return { path: "openclaw.json", raw: saved.at(-1)?.raw ?? raw, hash: `h${saved.length}`, valid: true };
    },
    "config.apply": (params) => {
      if (params.raw.includes("nonsense")) throw { code: "INVALID_REQUEST", message: "invalid config", details: { issues: [{ path: "nonsense", message: "is no key" }] } };
      saved.push(params);
      return { ok: true };
    },
  }, "config");
  const editor = page.getByRole("textbox", { name: "Configuration" });
  await editor.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("x");
  await page.getByText(/invalid character/i).waitFor();
  await page.keyboard.press("Backspace");
  await page.getByText("well formed").waitFor();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Home");
  await page.keyboard.type('"nonsense": 1,\n');
  await page.getByRole("button", { name: "Review and save" }).click();
  await page.locator(".diff .add").waitFor();
  await shot(page, "config-1-difference");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("is no key").waitFor();
  await editor.click();
  await page.keyboard.press("Control+Z");
  await page.getByRole("button", { name: "Discard" }).click();
  await editor.click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.type("// mine\n");
  const again = new Promise((done) => (read = done));
  event("config.changed", {});
  await again;
  await page.getByRole("button", { name: "Review and save" }).click();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("status").getByText("Saved").waitFor();
  assert.deepEqual(saved.map(({ baseHash, raw }) => [baseHash, raw.includes("// mine"), raw.includes("// a comment")]), [["h0", true, true]]);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a file that its agent has changed meanwhile is not overwritten unseen", async () => {
  let content = "what was there";
  const saved = [];
  const file = () => ({ name: "MEMORY.md", content, size: content.length, hash: content });
  const { page, context, wrong } = await signedIn({
    "agents.files.list": () => ({ files: [{ ...file(), content: undefined }] }),
    "agents.files.get": () => ({ file: file() }),
    "agents.files.set": (params) => {
      saved.push(params.content);
      return { ok: true, file: file() };
    },
  }, "agents/main");
  await page.getByRole("button", { name: /MEMORY\.md/ }).click();
  const editor = page.getByRole("textbox", { name: "MEMORY.md" });
  await editor.click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("mine, ");
  content = "what the agent wrote";
  await page.getByRole("button", { name: "Review and save" }).click();
  await page.getByText("was changed meanwhile").waitFor();
  await page.locator(".diff .del").getByText("what the agent wrote").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.deepEqual(saved, []);
  content = "what was there";
  await page.getByRole("button", { name: "Review and save" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").getByText("MEMORY.md is saved").waitFor();
  assert.deepEqual(saved, ["mine, what was there"]);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("an approval comes by itself, is counted, and is decided once", async () => {
  let waiting = [];
  const decided = [];
  const { page, context, wrong, event } = await signedIn({
    "exec.approval.list": () => waiting,
    "exec.approval.resolve": (params) => {
      decided.push(params);
      waiting = [];
      return { ok: true };
    },
  }, "approvals");
  await page.getByText("Nothing waits for you").waitFor();
  waiting = [{ id: "e1", request: { command: "git push --force", cwd: "/src", agentId: "main", allowedDecisions: ["allow-once", "deny"] }, createdAtMs: Date.now(), expiresAtMs: Date.now() + 60_000 }];
  event("exec.approval.requested", waiting[0]);
  await page.getByText("git push --force").waitFor();
  await page.getByLabel("1 waiting").waitFor();
  assert.equal(await page.getByRole("button", { name: "Always allow" }).count(), 0, "only what is allowed is offered");
  await shot(page, "approvals-1-waiting");
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.getByText("Nothing waits for you").waitFor();
  assert.deepEqual(decided, [{ id: "e1", decision: "deny" }]);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("an automation is made, changed and deleted", async () => {
  const { page, context, wrong } = await signedIn({}, "automations");
  await page.getByRole("button", { name: "New automation" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("Watch the build");
  await page.getByLabel("What shall the assistant do?").fill("Is it green?");
  await page.getByLabel("Time", { exact: true }).fill("soon");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("This is no time").waitFor();
  await page.getByLabel("Time", { exact: true }).fill("2h");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("every 2 hours").waitFor();
  await page.getByRole("button", { name: "Change Watch the build" }).click();
  assert.equal(await page.getByLabel("Time", { exact: true }).inputValue(), "2h");
  assert.equal(await page.getByLabel("What shall the assistant do?").inputValue(), "Is it green?");
  await page.getByLabel("When").selectOption("cron");
  await page.getByLabel("Time", { exact: true }).fill("0 7 * * 1-5");
  await shot(page, "automations-1-change");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("on weekdays at 07:00").waitFor();
  await page.getByRole("button", { name: "Delete Watch the build" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Nothing runs by itself yet").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test("ten thousand messages are read from end to beginning with few of them in the page", async () => {
  const total = 10_000;
  const row = (seq) => (seq % 2
    ? { role: "user", content: `Question ${seq}`, timestamp: seq, __openclaw: { id: `m${seq}`, seq } }
    : { role: "assistant", content: [{ type: "text", text: `Answer **${seq}**${" and more".repeat(seq % 40)}` }], timestamp: seq, __openclaw: { id: `m${seq}`, seq, runId: `r${seq}` } });
  const page_of = ({ limit = 200, offset = 0 }) => {
    const end = total - offset;
    const begin = Math.max(0, end - limit);
    return { sessionKey: "agent:main:main", messages: Array.from({ length: end - begin }, (_, n) => row(begin + n + 1)), hasMore: begin > 0, totalMessages: total, sessionInfo: { key: "agent:main:main", activeRunIds: [] } };
  };
  const { page, context, wrong } = await signedIn({ "chat.startup": page_of, "chat.history": page_of }, "chat");
  await page.getByText("10000").waitFor();
  await shot(page, "long-1-end");
  const log = page.getByRole("log", { name: "Conversation" });
  let most = 0;
  for (let n = 0; n < 400 && !(await page.getByText("Question 1", { exact: true }).count()); n++) {
    most = Math.max(most, await page.locator(".box").count());
    await log.evaluate((element) => (element.scrollTop = 0));
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
  await page.getByText("Question 1", { exact: true }).waitFor();
  assert.ok(most < 120, `${most} rows are drawn`);
  await page.getByRole("button", { name: "Newest" }).click();
  await page.getByText("10000").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a page whose methods the gateway lacks says so", async () => {
  const prepare = (page) => page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.payload?.type === "hello-ok") frame.payload.features.methods = ["health", "status"];
      socket.send(JSON.stringify(frame));
    });
  });
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN, prepare });
  await page.getByText("Chat is not offered").waitFor();
  for (const path of ["channels", "agents", "plugins", "automations", "approvals", "devices", "config", "logs"]) {
    await page.evaluate((path) => (location.hash = `#/${path}`), path);
    await page.getByText("Not offered by this gateway").waitFor();
  }
  await shot(page, "lacking-1");
  assert.deepEqual(wrong, []);
  await context.close();
});
