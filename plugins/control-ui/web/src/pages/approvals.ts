// What agents want to do and may not without a person's word.
import { html, nothing, type TemplateResult } from "lit";
import { app, gateway, link } from "../app/state";
import { ago, badge, empty } from "../ui/bits";
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
  id?: string;
  decision?: string;
  resolvedBy?: string;
  ts?: number;
  resolvedAtMs?: number;
  command?: string;
  request?: Approval["request"];
}

const WORDS: Record<string, string> = { "allow-once": "Allow once", "allow-always": "Always allow", deny: "Refuse" };

export class ApprovalsPage extends Page {
  protected override readonly heading = "Approvals";
  protected override readonly lead = "An agent waits here for your word before it does what could harm.";
  protected override readonly needs = ["exec.approval.list"];
  protected override readonly follows = ["exec.approval.requested", "exec.approval.resolved", "plugin.approval.requested", "plugin.approval.resolved"];
  protected override readonly everyMs = 10_000;
  #waiting: Approval[] = [];
  #past: Past[] = [];

  protected override async load(): Promise<void> {
    const ask = <T>(method: string, none: T): Promise<T> => (gateway.has(method) ? gateway.request<T>(method, {}).catch(() => none) : Promise.resolve(none));
    const [exec, plugin, past] = await Promise.all([
      gateway.request<Omit<Approval, "kind">[]>("exec.approval.list", {}),
      ask<Omit<Approval, "kind">[]>("plugin.approval.list", []),
      ask<{ entries?: Past[]; history?: Past[]; approvals?: Past[] }>("approval.history", {}),
    ]);
    this.#waiting = [...exec.map((one) => ({ ...one, kind: "exec" as const })), ...plugin.map((one) => ({ ...one, kind: "plugin" as const }))];
    this.#past = past.entries ?? past.history ?? past.approvals ?? [];
    app.pendingApprovals = this.#waiting.length;
    app.changed();
  }

  protected override body(): TemplateResult {
    return html`${this.#waiting.length ? this.#waiting.map((one) => this.#one(one)) : html`<div class="card">${empty("approvals", "Nothing waits for you", "When an agent wants to run a command that its policy does not allow, it asks here and in the chat that it answers.")}</div>`}
      ${this.#past.length ? html`<section class="card"><div class="head"><h2>Decided before</h2></div><div class="body flush">${this.#past.slice(0, 50).map((one) => html`<div class="list-item"><code class="grow clip">${one.request?.command ?? one.command ?? one.id}</code>${badge(WORDS[one.decision ?? ""] ?? one.decision ?? "?", one.decision === "deny" ? "bad" : "good")}<span class="tiny faint">${ago(one.resolvedAtMs ?? one.ts)}</span></div>`)}</div></section>` : nothing}`;
  }

  #one(one: Approval): TemplateResult {
    const { request = {} } = one;
    const allowed = decisions(request);
    const what = "The decision was not taken";
    const button = (name: string) => html`<button class="btn ${name === "allow-once" ? "primary" : name === "deny" ? "danger" : ""}" ?disabled=${this.busy(what)} @click=${() => this.#decide(one, name)}>${WORDS[name] ?? name}</button>`;
    return html`<section class="card approval" aria-label="Waiting for a decision"><div class="head">${icon("warning")}<h2 class="grow">${request.title ?? (one.kind === "exec" ? "Run a command" : (request.toolName ?? "Use a tool"))}</h2><span class="small muted">asked ${ago(one.createdAtMs)}${one.expiresAtMs ? ` · expires ${ago(one.expiresAtMs)}` : ""}</span></div>
      <div class="body stack">
        ${request.description ? html`<p>${request.description}</p>` : nothing}
        ${request.command ? html`<pre tabindex="0">${legible(request.command)}</pre>` : nothing}
        ${request.warningText ? html`<div class="note warn">${icon("warning")}<div>The agent says: ${legible(request.warningText)}</div></div>` : nothing}
        <dl class="kv">${request.cwd ? html`<dt>In</dt><dd class="mono tiny">${request.cwd}</dd>` : nothing}${request.host ? html`<dt>On</dt><dd>${request.host}</dd>` : nothing}${request.agentId ? html`<dt>Agent</dt><dd>${request.agentId}</dd>` : nothing}${request.sessionKey ? html`<dt>Conversation</dt><dd><a href=${link("chat", request.sessionKey)}>${request.sessionKey}</a></dd>` : nothing}</dl>
        <div class="row wrap">${allowed.map(button)}</div>
      </div></section>`;
  }

  async #decide(one: Approval, decision: string): Promise<void> {
    const done = await this.act("The decision was not taken", () => gateway.request(`${one.kind}.approval.resolve`, { id: one.id, decision }));
    if (done) toast({ tone: "good", title: decision === "deny" ? "Refused" : "Allowed", body: decision === "deny" ? "The agent was told and goes on without." : "The agent goes on." });
    await this.reload();
  }
}

define("oc-approvals", ApprovalsPage);
