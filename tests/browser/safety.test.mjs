// Text of strangers: names, Markdown and tool output that want to be scripts.
import assert from "node:assert/strict";
import { TOKEN } from "./gateway.mjs";
import { open, shot } from "./browser.mjs";
import { overlay } from "./overlay.mjs";
import { suite } from "./suite.mjs";

const { world, test } = suite(["control-ui", "demo"]);

const SCRIPTS = [
  "<img src=x onerror=\"window.pwned=1\">",
  "<script>window.pwned=1</script>",
  "<svg onload=window.pwned=1></svg>",
  "[click](javascript:window.pwned=1)",
  "![x](javascript:window.pwned=1)",
  "<a href=\"javascript:window.pwned=1\">x</a>",
  "<iframe srcdoc=\"<script>parent.pwned=1</script>\"></iframe>",
  "<form action=/x><button formaction=\"javascript:window.pwned=1\">x</button></form>",
  "<style>body{display:none}</style>",
  "```html\n<img src=x onerror=window.pwned=1>\n```",
  "<button data-copy onclick=window.pwned=1>x</button>",
  "![out](http://127.0.0.1:9/tracking.png)",
];
const HOSTILE = SCRIPTS.join("\n\n");

async function unharmed(page, wrong) {
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  const found = await page.evaluate(() => {
    const bad = [];
    for (const element of document.querySelectorAll("oc-app *")) {
      for (const { name, value } of element.attributes) {
        if (/^on/.test(name) || /^\s*javascript:/i.test(value)) bad.push(`${element.tagName} ${name}=${value}`);
      }
      if (/^(SCRIPT|IFRAME|STYLE|OBJECT|EMBED)$/.test(element.tagName)) bad.push(element.tagName);
    }
    return bad;
  });
  assert.deepEqual(found, []);
  assert.deepEqual(wrong, []);
}

test("Markdown that wants to be a script is text, written by a person and by a model", async () => {
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN });
  await page.getByLabel("Message").fill(HOSTILE);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("article", { name: "Assistant" }).getByText("You said:").waitFor();
  await page.getByRole("button", { name: "Copy the answer" }).waitFor({ state: "attached" });
  for (const link of await page.locator(".md a").all()) {
    assert.match(await link.getAttribute("rel"), /noopener/);
    assert.match((await link.getAttribute("href")) ?? "https:", /^(https?:|mailto:)/);
  }
  for (const target of await page.locator(".md a, .md button").all()) await target.click({ modifiers: ["Alt"], trial: true });
  await shot(page, "safety-1-markdown");
  await unharmed(page, wrong);
  await context.close();
});

test("names of strangers are text on every page", async () => {
  const bad = HOSTILE;
  const now = Date.now();
  let calls;
  const methods = {
    "sessions.list": () => ({ sessions: [{ key: "agent:main:main", label: bad, lastMessagePreview: bad, channel: bad, updatedAt: now }] }),
    "agents.list": () => ({ defaultId: "main", agents: [{ id: "main", name: bad, identity: { name: bad, emoji: bad }, workspace: bad, model: { primary: bad } }] }),
    "channels.status": () => ({ ts: now, channelOrder: ["x"], channelLabels: { x: bad }, channelAccounts: { x: [{ accountId: bad, identity: { name: bad }, state: "failed", lastError: bad }] } }),
    "channels.pairing.list": () => ({ requests: [{ requestId: "1", channel: "x", channelLabel: bad, accountId: bad, senderId: bad, senderLabel: bad }] }),
    "plugins.list": () => ({ plugins: [{ id: "x", name: bad, description: bad, version: bad, status: "error", error: bad, reason: bad, registers: [bad] }] }),
    "models.authStatus": () => ({ resolvedDefault: bad, problem: bad, providers: [{ provider: bad, status: "missing", detail: bad }] }),
    "models.list": () => ({ models: [{ id: bad, provider: bad, name: bad, tags: [bad] }] }),
    "cron.list": () => ({ jobs: [{ id: "1", name: bad, enabled: true, schedule: { kind: "cron", expr: bad }, payload: { kind: "agentTurn", message: bad }, lastRunStatus: "error", lastRunError: bad }] }),
    "exec.approval.list": () => [{ id: "1", request: { command: bad, cwd: bad, agentId: bad, sessionKey: bad, warningText: bad } }],
    "device.pair.list": () => ({ pending: [{ requestId: "1", deviceId: bad, displayName: bad, platform: bad }], paired: [{ deviceId: bad, displayName: bad, scopes: [bad] }] }),
    "logs.tail": () => ({ file: bad, cursor: 1, size: 1, lines: [bad.replaceAll("\n", " ")] }),
    "config.get": () => ({ path: bad, raw: `{ "x": ${JSON.stringify(bad)} }`, valid: false, issues: [{ path: bad, message: bad }], hash: "h" }),
  };
  const prepare = async (page) => ({ calls } = await overlay(page, methods));
  const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN, prepare });
  await page.getByRole("link", { name: "Channels" }).waitFor();
  for (const name of ["chat", "setup", "channels", "agents", "agents/main", "models", "plugins", "plugins/x", "automations", "approvals", "devices", "config", "logs"]) {
    await page.evaluate((name) => (location.hash = `#/${name}`), name);
    await page.locator(".view .card, .view .talk, .view .log-lines").first().waitFor();
    await page.evaluate(() => new Promise((done) => setTimeout(done, 60)));
    await unharmed(page, wrong);
  }
  assert.ok(calls.length > 10);
  await shot(page, "safety-2-names");
  await context.close();
});
