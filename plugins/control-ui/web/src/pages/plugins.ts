// Every plugin: how it is and why, what it costs, and its settings as a form made from its schema.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { canChange, changeNow } from "../app/config";
import { app, gateway, go } from "../app/state";
import type { PluginRow } from "../gateway/types";
import { ago, badge, bytes, count, empty, note, span, toggle, type Tone } from "../ui/bits";
import { spark } from "../ui/chart";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { toast } from "../ui/toast";
import { define } from "../ui/view";
import { Measured } from "./measured";
import "./plugin-settings";

const EVERY_MS = 2_000;

export function stateOf(plugin: PluginRow): { word: string; tone: Tone } {
  switch (plugin.status ?? plugin.state) {
    case "loaded":
    case "enabled":
      return { word: "Running", tone: "good" };
    case "starting":
      return { word: "Starting", tone: "warn" };
    case "error":
      return { word: "Failed", tone: "bad" };
    case "quarantined":
      return { word: "Set aside", tone: "bad" };
    case "stopped":
      return { word: "Stopped", tone: "warn" };
    default:
      return { word: "Off", tone: "" };
  }
}

export class PluginsPage extends Page {
  protected override readonly heading = "Plugins";
  protected override readonly lead = "Every channel, model and tool is one. Each can be changed and reloaded while the gateway runs.";
  protected override readonly needs = ["plugins.list"];
  protected override readonly follows = ["plugins.changed"];
  protected override readonly everyMs = EVERY_MS;
  #plugins: PluginRow[] = [];
  #measured = new Measured();
  #search = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(app.watch(() => this.requestUpdate()));
  }

  protected override async load(): Promise<void> {
    const { plugins } = await gateway.request<{ plugins: PluginRow[] }>("plugins.list", {});
    this.#plugins = plugins;
    this.#measured.take(plugins, Date.now());
  }

  protected override body(): TemplateResult {
    const { rest } = app.place;
    const chosen = this.#plugins.find(({ id }) => id === rest);
    if (rest && chosen) return this.#one(chosen);
    const wanted = this.#search.toLowerCase();
    const order = (plugin: PluginRow) => ({ bad: 0, warn: 1, good: 2 })[stateOf(plugin).tone as "bad"] ?? 3;
    const rows = this.#plugins.filter(({ id, name = "", description = "" }) => `${id} ${name} ${description}`.toLowerCase().includes(wanted)).sort((a, b) => order(a) - order(b) || a.id.localeCompare(b.id));
    const running = this.#plugins.filter((plugin) => stateOf(plugin).tone === "good").length;
    return html`<div class="row wrap"><div class="searchbox grow">${icon("search")}<input class="input" type="search" placeholder="Search plugins" aria-label="Search plugins" @input=${(event: InputEvent) => ((this.#search = (event.target as HTMLInputElement).value), this.requestUpdate())} /></div><span class="small muted">${running} of ${this.#plugins.length} running</span></div>
      <div class="card">${rows.length ? repeat(rows, ({ id }) => id, (plugin) => this.#row(plugin)) : empty("plugins", "No plugin found", this.#plugins.length ? "None goes with what you search for." : "The gateway found no library beside itself.")}</div>`;
  }

  #row(plugin: PluginRow): TemplateResult {
    const { word, tone } = stateOf(plugin);
    return html`<div class="list-item acts">
      <span class="dot ${tone}"></span>
      <div class="grow stack tight">
        <div class="row wrap"><a class="plain" href="#/plugins/${plugin.id}"><strong>${plugin.name || plugin.id}</strong></a><span class="tiny faint mono wide-only">${plugin.id} ${plugin.version}</span>${badge(word, tone)}${plugin.isolation === "process" ? badge("own process", "info") : nothing}</div>
        <div class="small muted clip lines">${plugin.error || plugin.description || plugin.reason}</div>
      </div>
      ${tone === "good" ? html`<span class="wide-only">${spark(this.#measured.of(plugin.id).rate)}</span>` : nothing}
      ${this.#switch(plugin)}
      <button class="btn small" @click=${() => go("plugins", plugin.id)}>Open</button>
    </div>`;
  }

  #switch(plugin: PluginRow): TemplateResult | typeof nothing {
    const can = gateway.has("plugins.setEnabled") || canChange();
    if (!can || plugin.id === "control-ui") return nothing;
    const what = `${plugin.name || plugin.id} was not switched`;
    return toggle(`${plugin.name || plugin.id} is on`, plugin.enabled ?? false, (on) => void this.#enable(plugin, on, what), { disabled: this.busy(what) });
  }

  #one(plugin: PluginRow): TemplateResult {
    const { word, tone } = stateOf(plugin);
    const { metrics = {} } = plugin;
    const history = this.#measured.of(plugin.id);
    const memory = plugin.usage?.rssBytes ?? plugin.usage?.memoryBytes;
    const what = `${plugin.id} was not reloaded`;
    return html`<div class="row wrap"><a class="btn small quiet" href="#/plugins">${icon("chevron", "back")}All plugins</a><span class="grow"></span>${this.#switch(plugin)}
        ${gateway.has("plugins.reload") ? html`<button class="btn small" ?disabled=${this.busy(what)} @click=${() => this.#reload(plugin, what)}>${this.busy(what) ? html`<span class="spinner"></span>` : icon("refresh")}Reload</button>` : nothing}</div>
      <section class="card"><div class="head"><span class="glyph">${(plugin.name || plugin.id).charAt(0)}</span><div class="grow"><h2>${plugin.name || plugin.id}</h2><div class="small muted">${plugin.description}</div></div>${badge(word, tone, true)}</div>
        <div class="body stack">
          ${plugin.error ? note("bad", html`${plugin.error}${plugin.failedAt ? html` <span class="faint">(at ${plugin.failedAt})</span>` : nothing}${plugin.quarantinedUntilMs ? html`<div>It is tried again ${ago(plugin.quarantinedUntilMs)}; “Reload” tries now.</div>` : nothing}`) : nothing}
          <dl class="kv"><dt>Why</dt><dd>${plugin.reason}</dd><dt>Version</dt><dd>${plugin.version}${plugin.generation ? html` · instance ${plugin.generation}` : nothing}${plugin.loadMs ? html` · loaded in ${span(plugin.loadMs)}` : nothing}</dd>
            <dt>File</dt><dd class="mono tiny">${plugin.source}${plugin.origin ? ` (${plugin.origin})` : ""}</dd>${plugin.sha256 ? html`<dt>SHA-256</dt><dd class="mono tiny">${plugin.sha256}</dd>` : nothing}
            <dt>Offers</dt><dd class="row wrap">${(plugin.registers ?? plugin.capabilities ?? []).map((what) => html`<span class="chip">${what}</span>`)}</dd></dl>
        </div></section>
      <div class="grid three">
        ${stat("Calls", count(metrics.calls))}${stat("Failed", count((metrics.faults ?? 0) + (metrics.timeouts ?? 0)), (metrics.faults ?? 0) > 0)}${stat("Typical (p50)", time(metrics.p50Us))}${stat("Slow (p99)", time(metrics.p99Us))}${memory === undefined ? stat("Memory", "shared") : stat("Memory", bytes(memory))}${stat("Restarts", count(metrics.restarts))}
      </div>
      <div class="grid">
        <div class="card"><div class="body"><oc-chart label="Latency" .series=${[{ name: "p99", values: history.p99 }, { name: "p50", values: history.p50 }]} .times=${history.times} .format=${span}></oc-chart></div></div>
        <div class="card"><div class="body">${memory === undefined ? html`<oc-chart label="Calls a second" .series=${[{ name: "calls", values: history.rate }]} .times=${history.times} .format=${(value: number) => value.toFixed(1)}></oc-chart>` : html`<oc-chart label="Memory" .series=${[{ name: "resident", values: history.memory }]} .times=${history.times} .format=${bytes}></oc-chart>`}</div></div>
      </div>
      <oc-plugin-settings .plugin=${plugin.id} @saved=${() => this.reload()}></oc-plugin-settings>`;
  }

  async #enable(plugin: PluginRow, enabled: boolean, what: string): Promise<void> {
    const done = await this.act(what, () =>
      gateway.has("plugins.setEnabled") ? gateway.request("plugins.setEnabled", { pluginId: plugin.id, enabled }, 60_000) : changeNow(["plugins", "entries", plugin.id, "enabled"], enabled),
    );
    if (done) toast({ tone: "good", title: `${plugin.name || plugin.id} is ${enabled ? "on" : "off"}` });
    await this.reload();
  }

  async #reload(plugin: PluginRow, what: string): Promise<void> {
    const done = await this.act(what, () => gateway.request("plugins.reload", { id: plugin.id }, 60_000));
    if (done) toast({ tone: "good", title: `${plugin.name || plugin.id} was reloaded`, body: "Calls that were under way have ended in the old instance." });
    await this.reload();
  }
}

const time = (us: number | undefined) => span(us ? us / 1000 : undefined);

function stat(label: string, value: string, bad = false): TemplateResult {
  return html`<div class="card stat"><div class="label small">${label}</div><div class="value ${bad ? "wrong-text" : ""}">${value}</div></div>`;
}

define("oc-plugins", PluginsPage);
