// Pages that have much to show, on a desk and on a phone: nothing sticks out, and what is wrong stands beside what works.
// The answers are set here; the page, the connection and everything else are the real ones.
import assert from "node:assert/strict";
import { TOKEN } from "./gateway.mjs";
import { DESK, PHONE, open, shot } from "./browser.mjs";
import { overlay } from "./overlay.mjs";
import { suite } from "./suite.mjs";

const { world, test } = suite(["control-ui", "demo", "openai"]);
const NOW = Date.now();
const ago = (minutes) => NOW - minutes * 60_000;
const LONG = "find / -name '*.log' -mtime +30 -not -path '*/node_modules/*' -print0 | xargs -0 --no-run-if-empty rm --verbose --";

const account = (accountId, more) => ({ accountId, enabled: true, configured: true, running: true, connected: true, state: "connected", ...more });
const job = (id, name, schedule, more) => ({ id, name, enabled: true, schedule, payload: { kind: "agentTurn", message: "Look at my mail and the calendar, and tell me what is urgent before nine." }, state: { nextRunAtMs: NOW + 3_600_000, lastRunAtMs: ago(1_300), lastRunStatus: "ok" }, ...more });
const ended = (id, command, more) => ({ id, urlPath: "#/approvals", createdAtMs: ago(70), expiresAtMs: ago(40), resolvedAtMs: ago(60), presentation: { kind: "exec", commandText: command, allowedDecisions: ["allow-once", "deny"] }, source: { agentId: "main", sessionKey: "agent:main:main" }, ...more });
const paired = (deviceId, displayName, more) => ({ deviceId, displayName, platform: "Linux x86_64", clientId: "openclaw-control-ui", role: "operator", roles: ["operator"], approvedVia: "silent", approvedAtMs: ago(9_000), lastSeenAtMs: ago(30), connected: false, tokens: [{ role: "operator", scopes: ["operator.read"] }], ...more });
const row = (seq, role, content, more = {}) => ({ role, content, timestamp: ago(30 - seq), ...more, __openclaw: { id: `m${seq}`, seq, ...(role === "assistant" ? { runId: `r${Math.ceil(seq / 3)}` } : {}) } });
const day = (n) => ({ date: new Date(NOW - n * 86_400_000).toISOString().slice(0, 10), input: 90_000 + ((n * 7_919) % 60_000), output: 20_000 + ((n * 104_729) % 15_000), cacheRead: 150_000 + ((n * 1_299_709) % 90_000), totalTokens: 300_000, totalCost: 0.6 + (n % 5) / 4 });
const days = Array.from({ length: 30 }, (_, n) => day(n)).reverse();

const ANSWER = `Three things need you today:

1. **The contract** – Ada wants it back *before noon*.
2. The build is red since \`4f1c2d9\`.

| Job | State | Took |
|---|---|---:|
| lint | passed | 41 s |
| integration on a machine with a rather long name | **failed** | 12 min |

\`\`\`rust
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("a line that is much longer than any phone is wide, and that has to scroll by itself {}", 42);
    Ok(())
}
\`\`\`

- [x] read
- [ ] answered

> Shall I answer her?`;

const history = () => ({
  sessionKey: "agent:main:main", sessionId: "s", totalMessages: 6, hasMore: false, sessionInfo: { key: "agent:main:main", activeRunIds: [] },
  messages: [
    row(1, "user", "What is urgent today?\n<media:document> (agenda-for-the-whole-of-next-week.pdf, application/pdf, 184320 bytes)"),
    row(2, "assistant", [{ type: "thinking", thinking: "Mail first, then the build." }, { type: "toolCall", id: "c1", name: "exec", arguments: { command: LONG } }], { stopReason: "toolUse" }),
    row(3, "toolResult", [{ type: "text", text: "Permission denied" }], { toolCallId: "c1", toolName: "exec", isError: true }),
    { ...row(4, "assistant", [{ type: "text", text: ANSWER }], { provider: "anthropic", model: "claude-opus-4-6", usage: { totalTokens: 18_240 } }), __openclaw: { id: "m4", seq: 4, runId: "r1" } },
    row(5, "user", "And now the rest"),
    { ...row(6, "assistant", [], { stopReason: "error", errorMessage: "the model's service answered 529 (overloaded); the fallback openai/gpt-4o has no key" }), __openclaw: { id: "m6", seq: 6, runId: "r2" } },
  ],
});

const METHODS = {
  "chat.startup": history,
  "chat.history": history,
  "channels.status": () => ({
    ts: NOW, channelOrder: ["telegram", "discord"], channelLabels: { telegram: "Telegram", discord: "Discord" }, channelDefaultAccountId: {},
    channelAccounts: {
      telegram: [account("default", { identity: "@ada_helper_bot", lastInboundAt: ago(3) }), account("family", { connected: false, state: "failed", lastError: "401 Unauthorized: the token is not (or no longer) that of a bot; ask @BotFather for a new one and set channels.telegram.accounts.family.botToken" })],
      discord: [account("default", { state: "degraded", identity: "Helper#4711", lastInboundAt: ago(200), lastError: "the intent Message Content is off: messages that don't mention the bot come without text" })],
    },
  }),
  "channels.pairing.list": () => ({ requests: [{ requestId: "p1", channel: "telegram", channelLabel: "Telegram", accountId: "default", senderId: "4815162342", senderLabel: "Grace Hopper", createdAt: new Date(ago(4)).toISOString() }] }),
  "cron.list": () => ({ jobs: [
    job("j1", "Morning mail", { kind: "cron", expr: "0 7 * * 1-5", tz: "Europe/Berlin" }),
    job("j2", "Is the build green?", { kind: "every", everyMs: 1_800_000 }, { state: { lastRunAtMs: ago(12), lastRunStatus: "error", lastError: "the model took longer than its ten minutes" } }),
    job("j3", "Call Ada", { kind: "at", at: new Date(NOW + 86_400_000).toISOString() }, { enabled: false }),
  ] }),
  "cron.runs": () => ({ entries: [
    { ts: ago(12), jobId: "j2", status: "error", error: "the model took longer than its ten minutes", durationMs: 600_000 },
    { ts: ago(1_300), jobId: "j1", status: "ok", summary: "Nothing urgent. Two newsletters, one invoice that is not due.", durationMs: 8_400, sessionKey: "agent:main:cron:j1" },
  ] }),
  "exec.approval.list": () => [{ id: "e1", request: { command: LONG, cwd: "/home/ada/projects/a-rather-long-name/of-a-folder", host: "gateway", agentId: "main", sessionKey: "agent:main:main", warningText: "removes files", allowedDecisions: ["allow-once", "allow-always", "deny"] }, createdAtMs: ago(1), expiresAtMs: NOW + 60_000 }],
  "approval.history": ({ cursor }) => (cursor ? { items: [ended("h9", "make clean", { status: "denied", decision: "deny", reason: "no-route", resolver: { kind: "system" } })] } : { nextCursor: "h4", items: [
    ended("h1", "git push --force origin main", { status: "denied", decision: "deny", reason: "user", resolver: { kind: "channel", id: "telegram:7" } }),
    ended("h2", LONG, { status: "allowed", decision: "allow-once", reason: "user", resolver: { kind: "runtime", id: "openclaw-control-ui" } }),
    ended("h3", "apt-get install ripgrep", { status: "expired", reason: "timeout", resolver: { kind: "system" } }),
    ended("h4", "systemctl restart nginx", { status: "cancelled", reason: "gateway-restart", resolver: { kind: "system" } }),
  ] }),
  "device.pair.list": () => ({
    pending: [{ requestId: "q1", deviceId: "b2".repeat(32), displayName: "Firefox on Windows", platform: "Win32", clientId: "openclaw-control-ui", role: "operator", scopes: ["operator.read", "operator.write", "operator.approvals"], ts: ago(2) }],
    paired: [paired("aa".repeat(32), "Safari on iPhone"), paired("cc".repeat(32), "Kitchen tablet with a long name that somebody gave it", { connected: true, approvedVia: "owner", tokens: [{ role: "operator", scopes: ["operator.admin", "operator.read"] }] })],
  }),
  "usage.cost": () => ({ updatedAt: NOW, days: 30, daily: days, totals: { input: 3_400_000, output: 760_000, cacheRead: 5_900_000, totalTokens: 10_060_000, totalCost: 34.19 } }),
  "sessions.usage": () => ({
    aggregates: { messages: { total: 1_204 }, tools: { totalCalls: 391 }, byModel: [{ provider: "anthropic", model: "claude-opus-4-6", totals: { totalTokens: 9_400_000, totalCost: 33.02 } }, { provider: "openai", model: "gpt-4o", totals: { totalTokens: 660_000, totalCost: 1.17 } }] },
    sessions: [{ key: "agent:main:main", label: "Main conversation", usage: { totalTokens: 6_100_000 } }, { key: "agent:main:telegram:dm:7", label: "Grace over Telegram", usage: { totalTokens: 3_900_000 } }],
  }),
};
const PAGES = {
  chat: async (page) => {
    await page.getByText("The answer failed.").waitFor();
    // columns are aligned as they were written; rows are drawn anew while they are measured, so it is asked until it is so
    await page.waitForFunction(() => {
      const figure = [...document.querySelectorAll(".md td")].find((cell) => cell.textContent === "41 s");
      return figure && getComputedStyle(figure).textAlign === "right";
    });
    await page.getByRole("checkbox", { checked: true }).waitFor();
    await page.locator("details.tool summary").click();
  },
  channels: (page) => page.getByText("401 Unauthorized").waitFor(),
  automations: (page) => page.getByText("Nothing urgent.").waitFor(),
  approvals: async (page) => {
    await page.getByRole("button", { name: "Show earlier ones" }).click();
    await page.getByText("make clean").waitFor();
  },
  devices: (page) => page.getByText("Firefox on Windows").waitFor(),
  models: (page) => page.getByText(/more can be set up/).click(),
  "models/usage": async (page) => {
    await page.getByRole("tab", { name: "Usage" }).click();
    await page.getByText("Grace over Telegram").waitFor();
  },
  agents: (page) => page.getByRole("link", { name: "Open", exact: true }).first().click(),
};

for (const [size, look] of [["desk", DESK], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`pages with much to show are whole on a ${size}, ${colorScheme}`, async () => {
      const prepare = (page) => overlay(page, METHODS);
      const { page, context, wrong } = await open(world.browser, world.gateway, { token: TOKEN, prepare, ...look, colorScheme });
      await page.getByLabel("Message").waitFor();
      for (const [path, ready] of Object.entries(PAGES)) {
        await page.evaluate((path) => (location.hash = `#/${path.split("/")[0]}`), path);
        await ready(page);
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        await shot(page, `full-${path.replace("/", "-")}-${size}-${colorScheme}`);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${path} sticks out`);
        assert.deepEqual(await outside(page), [], `${path}: cut off`);
      }
      assert.deepEqual(wrong, []);
      await context.close();
    });
  }
}

/** What can be pressed and lies beyond the edge of the window, outside of everything that scrolls. */
function outside(page) {
  return page.evaluate(() => {
    const scrolls = (element) => element && (/(auto|scroll)/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    return [...document.querySelectorAll("main button, main a[href], main input, main select")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element))
      .map((element) => element.outerHTML.slice(0, 120));
  });
}
