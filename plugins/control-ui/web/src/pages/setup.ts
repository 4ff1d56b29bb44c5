// From nothing to an assistant that answers: a model, a first word, a messenger, and this browser at home.
import { html, nothing, type TemplateResult } from "lit";
import { canChange, changeNow, forgetSchema } from "../app/config";
import { sessions } from "../app/sessions";
import { app, gateway, link } from "../app/state";
import type { ChannelsStatus, PluginRow } from "../gateway/types";
import { badge, note } from "../ui/bits";
import { icon } from "../ui/icons";
import { copyText } from "../ui/markdown";
import { Page } from "../ui/page";
import { words } from "../ui/schema";
import { explain, toast } from "../ui/toast";
import { define } from "../ui/view";
import "./plugin-settings";

interface Vendor {
  id: string;
  name: string;
  model: string;
  variable: string;
  hint: string;
}

const VENDORS: readonly Vendor[] = [
  { id: "anthropic", name: "Anthropic", model: "anthropic/claude-sonnet-4-6", variable: "ANTHROPIC_API_KEY", hint: "Claude" },
  { id: "openai", name: "OpenAI", model: "openai/gpt-5", variable: "OPENAI_API_KEY", hint: "GPT" },
  { id: "google", name: "Google", model: "google/gemini-2.5-pro", variable: "GEMINI_API_KEY", hint: "Gemini" },
];

interface Auth {
  defaultModel?: string;
  resolvedDefault?: string | null;
  problem?: string | null;
  configPath?: string;
  providers: { provider?: string; id?: string; status?: string }[];
}

export class SetupPage extends Page {
  protected override readonly heading = "Get started";
  protected override readonly lead = "Four steps to an assistant that answers wherever you write. Each can be changed later.";
  protected override readonly everyMs = 4_000;
  #auth: Auth | undefined;
  #channels: ChannelsStatus | undefined;
  #plugins: PluginRow[] = [];
  #vendor: Vendor | undefined;
  #problem = "";
  #open = "";

  protected override async load(): Promise<void> {
    const ask = <T>(method: string) => (gateway.has(method) ? gateway.request<T>(method, {}).catch(() => undefined) : undefined);
    const [auth, channels, plugins] = await Promise.all([ask<Auth>("models.authStatus"), ask<ChannelsStatus>("channels.status"), ask<{ plugins: PluginRow[] }>("plugins.list")]);
    this.#auth = auth;
    this.#channels = channels;
    this.#plugins = plugins?.plugins ?? [];
  }

  protected override body(): TemplateResult {
    const model = this.#auth?.resolvedDefault ?? "";
    const demo = model.startsWith("demo/") || (!this.#auth && this.#plugins.some(({ id, enabled }) => id === "demo" && enabled));
    const hasModel = Boolean(model) && !demo && !this.#auth?.problem;
    const talked = (sessions.rows ?? []).length > 0;
    const connected = Object.values(this.#channels?.channelAccounts ?? {}).flat().some((account) => account.connected);
    const done = [hasModel, talked, connected];
    const now = done.findIndex((one) => !one);
    const step = (at: number, title: string, body: TemplateResult) => html`<li class="step ${done[at] ? "done" : at === now ? "now" : ""}" aria-current=${at === now ? "step" : "false"}><span class="no">${done[at] ? icon("check") : at + 1}</span><div class="what"><h2>${title}${done[at] ? html`<span class="sr"> (done)</span>` : nothing}</h2>${body}</div></li>`;
    return html`<div class="card"><div class="body"><ol class="steps">
      ${step(0, hasModel ? "A model answers" : "Choose a model", this.#model(model, demo, hasModel))}
      ${step(1, "Say hello", html`<p class="muted">${talked ? "You have talked to it already." : demo ? "Even the demonstration model answers: it repeats what you write, so that you see the whole way work." : "Write something; the answer comes as it is written."}</p><div><a class="btn ${now === 1 ? "primary" : ""}" href=${link("chat")}>${icon("chat")}Open the chat</a></div>`)}
      ${step(2, connected ? "A messenger is connected" : "Connect a messenger", this.#messenger(connected))}
      ${step(3, "Make it yours", html`<p class="muted">Tell the agent who it is and whom it serves, and give it something to do by itself.</p><div class="row wrap"><a class="btn" href=${link("agents", app.defaultAgent)}>${icon("agents")}Its character</a><a class="btn" href=${link("automations")}>${icon("cron")}Automations</a><a class="btn" href=${link("devices")}>${icon("devices")}Your devices</a></div>`)}
    </ol></div></div>`;
  }

  #model(model: string, demo: boolean, hasModel: boolean): TemplateResult {
    if (hasModel) return html`<div class="row wrap">${badge(model, "good", true)}<a class="small" href=${link("models")}>All models</a></div>`;
    const vendor = this.#vendor;
    const vendors = this.#vendors();
    const known = vendors.filter((one) => VENDORS.includes(one));
    const others = vendors.filter((one) => !VENDORS.includes(one));
    if (!vendors.length) return note("warn", html`There is no plugin for a model service beside this gateway. Add one with <code>openclaw plugins install</code>, or take a build with plugins.`);
    const problem = this.#auth?.problem;
    return html`
      ${demo ? note("info", html`Now the <strong>demonstration model</strong> answers: it needs no account, and only repeats what it hears. Choose a real one and enter its key.`) : problem ? note("warn", problem) : html`<p class="muted">An assistant thinks with a model. You need a key of one vendor.</p>`}
      <div class="picks" role="group" aria-label="Vendors">${known.map((one) => html`<button class="pick-card" aria-pressed=${one === vendor} @click=${() => ((this.#vendor = one), this.requestUpdate())}><strong>${one.name}</strong><span>${one.hint}</span></button>`)}
        ${others.length ? html`<select class="input" aria-label="Another service" @change=${(event: Event) => ((this.#vendor = others[Number((event.target as HTMLSelectElement).value)]), this.requestUpdate())}><option value="" ?selected=${!vendor || known.includes(vendor)}>Another service…</option>${others.map((one, at) => html`<option value=${at} ?selected=${one.id === vendor?.id}>${one.name}</option>`)}</select>` : nothing}</div>
      ${vendor ? (canChange() ? this.#key(vendor) : this.#byHand(vendor)) : nothing}`;
  }

  /** The services that a plugin beside this gateway speaks to; those that most people know come first. */
  #vendors(): Vendor[] {
    const offered = this.#plugins.flatMap(({ registers = [] }) => registers.flatMap((what) => (what.startsWith("provider/") ? [what.split(" ")[1] ?? ""] : [])));
    if (!offered.length) return [...VENDORS];
    const known = VENDORS.filter(({ id }) => offered.includes(id));
    const others = offered.filter((id) => id && id !== "demo" && !known.some((one) => one.id === id)).sort();
    return [...known, ...others.map((id) => ({ id, name: words(id), model: `${id}/`, variable: `${id.toUpperCase().replaceAll("-", "_")}_API_KEY`, hint: "" }))];
  }

  #key(vendor: Vendor): TemplateResult {
    const what = "The model was not set up";
    return html`<form class="stack" @submit=${(event: SubmitEvent) => this.#save(event, vendor)}>
      <div class="field"><label for="key">Key of ${vendor.name}</label><input class="input mono" id="key" name="key" type="password" autocomplete="off" required /><span class="hint">It is kept in the gateway's configuration, readable by you alone, and is never shown again.</span></div>
      <div class="field"><label for="model">Model</label><input class="input mono" id="model" name="model" .value=${vendor.model} required /></div>
      ${this.#problem ? note("bad", this.#problem) : nothing}
      <div><button class="btn primary" ?disabled=${this.busy(what)}>${this.busy(what) ? html`<span class="spinner"></span>` : icon("check")}Use ${vendor.name}</button></div>
    </form>`;
  }

  #byHand(vendor: Vendor): TemplateResult {
    const set = `openclaw config set agents.defaults.model.primary ${vendor.model}`;
    return html`<p class="muted">This gateway does not take configuration from the page. On its machine, put the key into the environment of the gateway, choose the model, and start it again:</p>
      ${line(`export ${vendor.variable}=…`)}${line(set)}`;
  }

  #messenger(connected: boolean): TemplateResult {
    const offered = this.#plugins.flatMap((plugin) => (plugin.registers ?? []).filter((what) => what.startsWith("channel/")).map((what) => ({ plugin, channel: what.split(" ")[1] ?? "" })));
    if (connected) return html`<p class="muted">Its state is under <a href=${link("channels")}>Channels</a>. Who writes for the first time waits there for your approval.</p>`;
    if (!offered.length) return html`<p class="muted">This gateway has no plugin for a messenger beside it. <code>openclaw plugins install</code> adds one.</p>`;
    return html`<p class="muted">Optional: the page is enough to talk. Each messenger wants a token or a code of its own.</p>
      <div class="picks" role="group" aria-label="Messengers">${offered.map(({ plugin, channel }) => html`<button class="pick-card" aria-pressed=${this.#open === channel} @click=${() => ((this.#open = this.#open === channel ? "" : channel), this.requestUpdate())}><strong>${plugin.name || channel}</strong><span>${plugin.description ?? ""}</span></button>`)}</div>
      ${this.#open ? html`<oc-plugin-settings .plugin=${this.#open} .path=${["channels", this.#open]} @saved=${() => this.reload()}></oc-plugin-settings>` : nothing}`;
  }

  async #save(event: SubmitEvent, vendor: Vendor): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    this.#problem = "";
    await this.act("The model was not set up", async () => {
      try {
        await changeNow(["models", "providers", vendor.id, "apiKey"], String(data.get("key")).trim());
        await changeNow(["agents", "defaults", "model", "primary"], String(data.get("model")).trim());
        forgetSchema();
        toast({ tone: "good", title: `${vendor.name} answers now`, body: "Say hello to it." });
      } catch (error) {
        this.#problem = explain(error);
      }
    });
    await this.reload();
  }
}

function line(text: string): TemplateResult {
  const copy = async () => toast((await copyText(text)) ? { tone: "good", title: "Copied" } : { tone: "bad", title: "Copying failed", body: "Select the text by hand." });
  return html`<div class="terminal"><code>${text}</code><button class="btn quiet small icon-only" aria-label="Copy" @click=${copy}>${icon("copy")}</button></div>`;
}

define("oc-setup", SetupPage);
