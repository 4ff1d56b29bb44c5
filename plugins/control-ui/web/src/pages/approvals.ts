// What agents want to do and may not without a person's word.
import { html, nothing, type TemplateResult } from "lit";
import { app, gateway, link } from "../app/state";
import { ago, badge, empty, type Tone } from "../ui/bits";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { toast } from "../ui/toast";
import { define } from "../ui/view";
import { decisions, legible } from "./decisions";

interface Approval {
  id: string;
  kind: "exec" | "plugin";
  request?: {
    command?: string;
    cwd?: string | null;
    host?: string | null;
    agentId?: string | null;
    sessionKey?: string | null;
    title?: string;
    description?: string;
    toolName?: string;
    warningText?: string | null;
    allowedDecisions?: string[];
    unavailableDecisions?: string[];
  };
  createdAtMs?: number;
  expiresAtMs?: number;
}

interface Past {
  id: string;
  status?: string;
  decision?: string;
  reason?: string;
  resolvedAtMs?: number;
  presentation?: { commandText?: string; title?: string };
  source?: { agentId?: string; sessionKey?: string };
  resolver?: { kind?: string; id?: string };
}

interface History {
  items?: Past[];
  nextCursor?: string;
}

const OLDER = "Earlier decisions could not be read";
const WORDS: Record<string, string> = { "allow-once": "Allow once", "allow-always": "Always allow", deny: "Refuse" };
/** How many ends are shown at first, and added each time. */
const PAGE = 25;

/** How a question ended, in two words. */
function end({ status, decision, reason }: Past): { word: string; tone: Tone } {
  if (status === "allowed") return { word: decision === "allow-always" ? "Always allowed" : "Allowed once", tone: "good" };
  if (status === "expired") return { word: "Nobody answered", tone: "warn" };
  if (reason === "no-route") return { word: "Nobody to ask", tone: "warn" };
  if (status === "cancelled") return { word: reason === "gateway-restart" ? "Gateway restarted" : "Withdrawn", tone: "" };
  return { word: "Refused", tone: "bad" };
}

export class ApprovalsPage extends Page {
  protected override readonly heading = "Approvals";
  protected override readonly lead = "An agent waits here for your word before it does what could harm.";
  protected override readonly needs = ["exec.approval.list"];
  protected override readonly follows = ["exec.approval.requested", "exec.approval.resolved", "plugin.approval.requested", "plugin.approval.resolved"];
  protected override readonly everyMs = 10_000;
  #waiting: Approval[] = [];
  #past: Past[] = [];
  #next: string | undefined;

  protected override async load(): Promise<void> {
    const ask = <T>(method: string, none: T, params = {}): Promise<T> => (gateway.has(method) ? gateway.request<T>(method, params).catch(() => none) : Promise.resolve(none));
    const [exec, plugin, past] = await Promise.all([
      gateway.request<Omit<Approval, "kind">[]>("exec.approval.list", {}),
      ask<Omit<Approval, "kind">[]>("plugin.approval.list", []),
      ask<History>("approval.history", {}, { limit: Math.max(PAGE, Math.min(100, this.#past.length)) }),
    ]);
    this.#waiting = [...exec.map((one) => ({ ...one, kind: "exec" as const })), ...plugin.map((one) => ({ ...one, kind: "plugin" as const }))];
    this.#past = past.items ?? [];
    this.#next = past.nextCursor;
    app.pendingApprovals = this.#waiting.length;
    app.changed();
  }

  protected override body(): TemplateResult {
    return html`${this.#waiting.length ? this.#waiting.map((one) => this.#one(one)) : html`<div class="card">${empty("approvals", "Nothing waits for you", "When an agent wants to run a command that its policy does not allow, it asks here and in the chat that it answers.")}</div>`}
      ${this.#past.length ? html`<section class="card" aria-labelledby="before"><div class="head"><h2 id="before">Decided before</h2></div><div class="body flush">${this.#past.map(past)}
        ${this.#next ? html`<div class="list-item"><button class="btn small" ?disabled=${this.busy(OLDER)} @click=${() => this.#older()}>Show earlier ones</button></div>` : nothing}</div></section>` : nothing}`;
  }

  async #older(): Promise<void> {
    const cursor = this.#next;
    await this.act(OLDER, async () => {
      const page = await gateway.request<History>("approval.history", { cursor, limit: PAGE });
      this.#past = [...this.#past, ...(page.items ?? [])];
      this.#next = page.nextCursor;
    });
  }

  #one(one: Approval): TemplateResult {
    const { request = {} } = one;
    const allowed = decisions(request);
    const what = "The decision was not taken";
    const button = (name: string) => html`<button class="btn ${name === "allow-once" ? "primary" : name === "deny" ? "danger" : ""}" ?disabled=${this.busy(what)} @click=${() => this.#decide(one, name)}>${WORDS[name] ?? name}</button>`;
    return html`<section class="card approval" aria-label="Waiting for a decision"><div class="head">${icon("warning")}<h2 class="grow">${legible(request.title ?? (one.kind === "exec" ? "Run a command" : (request.toolName ?? "Use a tool")))}</h2><span class="small muted">asked ${ago(one.createdAtMs)}${one.expiresAtMs ? ` · expires ${ago(one.expiresAtMs)}` : ""}</span></div>
      <div class="body stack">
        ${request.description ? html`<p>${legible(request.description)}</p>` : nothing}
        ${request.command ? html`<pre tabindex="0">${legible(request.command)}</pre>` : nothing}
        ${request.warningText ? html`<div class="note warn">${icon("warning")}<div>The agent says: ${legible(request.warningText)}</div></div>` : nothing}
        <dl class="kv">${request.cwd ? html`<dt>In</dt><dd class="mono tiny">${legible(request.cwd)}</dd>` : nothing}${request.host ? html`<dt>On</dt><dd>${legible(request.host)}</dd>` : nothing}${request.agentId ? html`<dt>Agent</dt><dd>${request.agentId}</dd>` : nothing}${request.sessionKey ? html`<dt>Conversation</dt><dd><a href=${link("chat", request.sessionKey)}>${legible(request.sessionKey)}</a></dd>` : nothing}</dl>
        <div class="row wrap">${allowed.map(button)}</div>
      </div></section>`;
  }

  async #decide(one: Approval, decision: string): Promise<void> {
    const done = await this.act("The decision was not taken", () => gateway.request(`${one.kind}.approval.resolve`, { id: one.id, decision }));
    if (done) toast({ tone: "good", title: decision === "deny" ? "Refused" : "Allowed", body: decision === "deny" ? "The agent was told and goes on without." : "The agent goes on." });
    await this.reload();
  }
}

function past(one: Past): TemplateResult {
  const { word, tone } = end(one);
  const who = one.resolver?.id ? `by ${one.resolver.id.replace(/^openclaw-/, "")}` : "";
  const where = [one.source?.agentId && `agent ${one.source.agentId}`, who, ago(one.resolvedAtMs)].filter(Boolean).join(" · ");
  return html`<div class="list-item"><div class="grow stack tight"><code class="clip">${legible(one.presentation?.commandText ?? one.presentation?.title ?? one.id)}</code><span class="tiny faint">${where}</span></div>${badge(word, tone)}</div>`;
}

define("oc-approvals", ApprovalsPage);
