// The models that can be asked, whether their keys are there, and what was used.
import { html, nothing, type TemplateResult } from "lit";
import { gateway, link } from "../app/state";
import type { ModelRow } from "../gateway/types";
import { badge, count, empty, money, note, tabs } from "../ui/bits";
import "../ui/chart";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { define } from "../ui/view";
import { everyDay, type Day } from "./days";

interface Provider {
  provider?: string;
  id?: string;
  status?: string;
  auth?: unknown;
  plugin?: string;
  detail?: string;
  [key: string]: unknown;
}

interface AuthStatus {
  defaultModel?: string;
  resolvedDefault?: string | null;
  problem?: string | null;
  providers: Provider[];
  fallbacks?: string[];
}

interface Usage {
  daily: Day[];
  totals: Omit<Day, "date">;
}

interface SessionUsage {
  totals?: Omit<Day, "date">;
  aggregates?: {
    messages?: { total?: number; toolCalls?: number; errors?: number };
    tools?: { totalCalls?: number; tools?: { name: string; count: number }[] };
    byModel?: { provider?: string; model?: string; count?: number; totals?: Omit<Day, "date"> }[];
  };
  sessions?: { key: string; label?: string; usage?: { totalTokens?: number; totalCost?: number } | null }[];
}

/** What the gateway calls the ways to prove who asks. */
const AUTH: Record<string, string> = { none: "needs no key", missing: "its key is missing" };
const RANGES = [["7", "7 days"], ["30", "30 days"], ["90", "90 days"]] as const;

export class ModelsPage extends Page {
  protected override readonly heading = "Models and usage";
  protected override readonly lead = "Who answers, whether the gateway can prove to them who asks, and what it took.";
  protected override readonly everyMs = 30_000;
  #models: ModelRow[] | undefined;
  #auth: AuthStatus | undefined;
  #usage: Usage | undefined;
  #sessions: SessionUsage | undefined;
  #view: "usage" | "models" = "models";
  #range: (typeof RANGES)[number][0] = "30";
  #search = "";
  #problem = "";

  protected override async load(): Promise<void> {
    const days = Number(this.#range);
    const optional = <T>(method: string, params: object): Promise<T | undefined> => {
      if (!gateway.has(method)) return Promise.resolve(undefined);
      return gateway.request<T>(method, params).catch((error: Error) => ((this.#problem = error.message), undefined));
    };
    this.#problem = "";
    const [models, auth, usage, sessions] = await Promise.all([
      optional<{ models: ModelRow[] }>("models.list", { view: "all" }),
      optional<AuthStatus>("models.authStatus", {}),
      optional<Usage>("usage.cost", { days }),
      optional<SessionUsage>("sessions.usage", { range: `${days}d`, limit: 50 }),
    ]);
    this.#models = models?.models;
    this.#auth = auth;
    this.#usage = usage;
    this.#sessions = sessions;
  }

  protected override actions(): TemplateResult {
    return tabs("Show", [["models", "Models"], ["usage", "Usage"]] as const, this.#view, (view) => ((this.#view = view), this.requestUpdate()));
  }

  protected override body(): TemplateResult {
    const problem = this.#problem ? note("warn", `Not everything could be read: ${this.#problem}.`) : nothing;
    return html`${problem}${this.#view === "models" ? this.#who() : this.#used()}`;
  }

  #who(): TemplateResult {
    const auth = this.#auth;
    const wanted = this.#search.toLowerCase();
    const models = (this.#models ?? []).filter(({ id, name = "", provider }) => `${provider}/${id} ${name}`.toLowerCase().includes(wanted));
    return html`
      ${auth?.problem ? note("bad", html`<strong>The default model cannot be asked.</strong> ${auth.problem} <a href=${link("setup")}>Set one up</a>`) : nothing}
      ${auth ? html`<div class="grid start">
        <section class="card"><div class="head">${icon("models")}<h2>Default model</h2></div><div class="body stack tight"><div class="mono big">${auth.resolvedDefault ?? auth.defaultModel ?? "none"}</div>
          <div class="small muted">${auth.fallbacks?.length ? html`Then ${auth.fallbacks.join(", ")}` : "No other is tried when it fails."}</div></div></section>
        ${services(auth)}
      </div>` : nothing}
      ${this.#models ? html`<div class="searchbox">${icon("search")}<input class="input" type="search" placeholder="Search models" aria-label="Search models" @input=${(event: InputEvent) => ((this.#search = (event.target as HTMLInputElement).value), this.requestUpdate())} /></div>
      <div class="card scroll-x">${models.length ? html`<table class="table"><thead><tr><th>Model</th><th>Takes</th><th class="num">Context</th><th>Thinks</th><th></th></tr></thead><tbody>
        ${models.slice(0, 300).map((model) => html`<tr><td><div class="mono">${model.provider}/${model.id}</div>${model.name && model.name !== model.id ? html`<div class="tiny faint">${model.name}</div>` : nothing}</td><td>${(model.input ?? ["text"]).join(", ")}</td><td class="num">${count(model.contextWindow)}</td><td>${model.reasoning ? "yes" : "–"}</td><td>${model.available === false ? badge("not available", "warn") : (model.tags ?? []).map((tag) => badge(tag, tag === "default" ? "accent" : ""))}</td></tr>`)}
      </tbody></table>` : empty("models", "No model", "None goes with what you search for.")}</div>` : note("info", "This gateway does not list its models.")}`;
  }

  #used(): TemplateResult {
    const usage = this.#usage;
    if (!usage && !this.#sessions) return html`<div class="card">${empty("usage", "No numbers yet", html`This gateway does not offer <code>usage.cost</code>, or nothing was used.`)}</div>`;
    const length = Number(this.#range);
    const days = everyDay(usage?.daily ?? [], length, new Date());
    const totals = usage?.totals ?? this.#sessions?.totals ?? {};
    const times = days.map(({ date }) => date.slice(5));
    const pick = (read: (day: Day) => number | undefined) => days.map((day) => read(day) ?? 0);
    const { aggregates, sessions = [] } = this.#sessions ?? {};
    const top = [...sessions].filter((one) => one.usage?.totalTokens).sort((a, b) => (b.usage?.totalTokens ?? 0) - (a.usage?.totalTokens ?? 0)).slice(0, 8);
    return html`<div class="row">${tabs("Range", RANGES, this.#range, (range) => ((this.#range = range), void this.reload()))}</div>
      <div class="grid three">${stat("Tokens", count(totals.totalTokens))}${stat("Written by models", count(totals.output))}${stat("From caches", count(totals.cacheRead))}${stat("Cost", money(totals.totalCost))}${aggregates?.messages ? stat("Messages", count(aggregates.messages.total)) : nothing}${aggregates?.tools ? stat("Tool calls", count(aggregates.tools.totalCalls)) : nothing}</div>
      <div class="card"><div class="body"><oc-chart kind="bar" label="Tokens by day" .series=${[{ name: "read", values: pick((day) => day.input) }, { name: "written", values: pick((day) => day.output) }, { name: "from caches", values: pick((day) => day.cacheRead) }]} .times=${times} .format=${count}></oc-chart></div></div>
      ${totals.totalCost ? html`<div class="card"><div class="body"><oc-chart kind="bar" label="Cost by day" .series=${[{ name: "cost", values: pick((day) => day.totalCost) }]} .times=${times} .format=${money}></oc-chart></div></div>` : nothing}
      <div class="grid">
        ${aggregates?.byModel?.length ? html`<section class="card"><div class="head"><h2>By model</h2></div><div class="body flush">${aggregates.byModel.map((one) => html`<div class="list-item"><span class="mono small grow clip">${one.provider}/${one.model}</span><span class="small number">${count(one.totals?.totalTokens)}</span><span class="small faint number">${money(one.totals?.totalCost)}</span></div>`)}</div></section>` : nothing}
        ${top.length ? html`<section class="card"><div class="head"><h2>By conversation</h2></div><div class="body flush">${top.map((one) => html`<div class="list-item"><a class="small grow clip" href=${link("chat", one.key)}>${one.label || one.key}</a><span class="small number">${count(one.usage?.totalTokens)}</span></div>`)}</div></section>` : nothing}
      </div>`;
  }
}

/** The services that can be asked, or should be and can't. The others are no fault: they wait for whoever wants them. */
function services(auth: AuthStatus): TemplateResult {
  const name = (one: Provider) => one.provider ?? one.id ?? "";
  const wanted = [auth.resolvedDefault, auth.defaultModel, ...(auth.fallbacks ?? [])].map((model) => model?.split("/")[0]);
  const shown = auth.providers.filter((one) => one.status === "ok" || wanted.includes(name(one)));
  const others = auth.providers.filter((one) => !shown.includes(one));
  return html`<section class="card"><div class="head">${icon("key")}<h2 class="grow">Services</h2><a class="btn small" href=${link("setup")}>${icon("plus")}Add a key</a></div>
    <div class="body flush">
      ${shown.map(provider)}
      ${others.length ? html`<details class="list-item more"><summary class="small muted">${icon("chevron", "chevron")}${others.length} more can be set up</summary><div class="row wrap">${others.map((one) => html`<span class="chip">${name(one)}</span>`)}</div></details>` : nothing}
      ${auth.providers.length ? nothing : html`<div class="list-item muted">No provider is configured.</div>`}
    </div></section>`;
}

function provider(one: Provider): TemplateResult {
  const there = one.status === "ok";
  const why = typeof one.auth === "string" ? (AUTH[one.auth] ?? one.auth) : typeof one.detail === "string" ? one.detail : describe(one.auth);
  return html`<div class="list-item"><span class="dot ${there ? "good" : "bad"}"></span><div class="grow"><strong>${one.provider ?? one.id}</strong><div class="tiny faint clip">${why}</div></div>${badge(there ? "ready" : "no key", there ? "good" : "bad")}</div>`;
}

function describe(auth: unknown): string {
  if (!auth || typeof auth !== "object") return "";
  return Object.entries(auth).flatMap(([name, value]) => (["string", "number"].includes(typeof value) ? [`${name} ${String(value)}`] : [])).join(" · ");
}

function stat(label: string, value: string): TemplateResult {
  return html`<div class="card stat"><div class="label small">${label}</div><div class="value">${value}</div></div>`;
}

define("oc-models", ModelsPage);
