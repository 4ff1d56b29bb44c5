// The frame around every page: navigation, the state of the connection, and what all pages know (conversations, agents,
// what waits for a decision).
import { html, nothing, type TemplateResult } from "lit";
import type { Hello, AgentRow } from "../gateway/types";
import { icon, mark, type Icon } from "../ui/icons";
import { toast } from "../ui/toast";
import { View, define } from "../ui/view";
import { sessions } from "./sessions";
import { app, gateway, go, keyTitle, link, sessionTitle, signIn, signOut, welcomed } from "./state";
import { setTheme, theme, type Theme } from "./theme";
import "../pages/login";
import "../pages/chat";

interface Entry {
  page: string;
  name: string;
  art: Icon;
  load(): Promise<unknown>;
  render(): TemplateResult;
  waiting?(): number;
}

const loaded = () => Promise.resolve();
const groups: [string, Entry[]][] = [
  ["", [
    { page: "chat", name: "Chat", art: "chat", load: loaded, render: () => html`<oc-chat class="view"></oc-chat>` },
    { page: "setup", name: "Get started", art: "setup", load: () => import("../pages/setup"), render: () => html`<oc-setup class="view"></oc-setup>` },
  ]],
  ["Connect", [
    { page: "channels", name: "Channels", art: "channels", load: () => import("../pages/channels"), render: () => html`<oc-channels class="view"></oc-channels>`, waiting: () => app.pendingPairings },
    { page: "agents", name: "Agents", art: "agents", load: () => import("../pages/agents"), render: () => html`<oc-agents class="view"></oc-agents>` },
    { page: "models", name: "Models and usage", art: "usage", load: () => import("../pages/models"), render: () => html`<oc-models class="view"></oc-models>` },
    { page: "plugins", name: "Plugins", art: "plugins", load: () => import("../pages/plugins"), render: () => html`<oc-plugins class="view"></oc-plugins>` },
  ]],
  ["Operate", [
    { page: "automations", name: "Automations", art: "cron", load: () => import("../pages/automations"), render: () => html`<oc-automations class="view"></oc-automations>` },
    { page: "approvals", name: "Approvals", art: "approvals", load: () => import("../pages/approvals"), render: () => html`<oc-approvals class="view"></oc-approvals>`, waiting: () => app.pendingApprovals },
    { page: "devices", name: "Devices", art: "devices", load: () => import("../pages/devices"), render: () => html`<oc-devices class="view"></oc-devices>`, waiting: () => app.pendingDevices },
    { page: "config", name: "Configuration", art: "config", load: () => import("../pages/config"), render: () => html`<oc-config class="view"></oc-config>` },
    { page: "logs", name: "Logs", art: "logs", load: () => import("../pages/logs"), render: () => html`<oc-logs class="view"></oc-logs>` },
  ]],
];
const entries = groups.flatMap(([, all]) => all);
const THEMES: [Theme, Icon, string][] = [["light", "sun", "Light"], ["auto", "auto", "As the system"], ["dark", "moon", "Dark"]];

export class Shell extends View {
  #nav = false;
  #ready = new Set(["chat"]);
  #broken = "";
  #was = false;
  #page = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(app.watch(() => this.requestUpdate()));
    this.until(gateway.on<Hello>("ready", (hello) => this.#welcome(hello)));
    this.until(gateway.on("sessions.changed", () => sessions.refreshSoon()));
    // what was missed may have changed any of it
    this.until(gateway.on("gap", () => (sessions.refreshSoon(), void this.#count())));
    for (const event of ["exec.approval.requested", "exec.approval.resolved", "plugin.approval.requested", "plugin.approval.resolved"]) {
      this.until(gateway.on(event, () => void this.#count()));
    }
    for (const event of ["exec.approval.requested", "plugin.approval.requested"]) this.until(gateway.on(event, () => this.#asked()));
    for (const event of ["device.pair.requested", "device.pair.resolved", "device.pair.changed"]) this.until(gateway.on(event, () => void this.#count()));
    const moved = () => requestAnimationFrame(() => this.#arrive());
    addEventListener("hashchange", moved);
    this.until(() => removeEventListener("hashchange", moved));
    signIn();
  }

  protected override render(): TemplateResult {
    const { phase } = gateway;
    if (phase.name === "ready") this.#was = true;
    if (phase.name === "refused" || phase.name === "idle") this.#was = false;
    if (!this.#was) return phase.name === "refused" || phase.name === "idle" || gateway.hello ? html`<oc-login></oc-login>` : this.#arriving();
    const entry = entries.find(({ page }) => page === app.place.page) ?? entries[0];
    if (!entry) return html``;
    this.#enter(entry);
    return html`<a class="skip" href="#main" @click=${this.#skip}>Skip to the content</a>
      <div class="shell">
        ${this.#navigation(entry)}
        ${this.#nav ? html`<button class="scrim open" aria-label="Close the menu" @click=${this.#backFromMenu}></button>` : nothing}
        <main class="main" id="main" tabindex="-1">
          ${this.#top(entry)}${this.#banner()}
          ${this.#ready.has(entry.page) ? entry.render() : this.#loading(entry)}
        </main>
      </div>
      <div class="sr" role="status" aria-live="polite">${app.announcement}</div>`;
  }

  #arriving(): TemplateResult {
    const { phase } = gateway;
    const waits = phase.name === "waiting";
    return html`<main class="welcome"><div class="panel"><div class="stack">${mark}
      <div><h1>${waits ? "Looking for the gateway" : "Connecting"}</h1>
      <p class="muted" role="status">${waits ? `${phase.why}. The page tries again by itself; is the gateway running?` : "One moment."}</p></div>
      ${waits ? html`<div><button class="btn" @click=${() => gateway.hurry()}>${icon("refresh")}Try now</button></div>` : html`<span class="spinner"></span>`}
    </div></div></main>`;
  }

  #navigation(current: Entry): TemplateResult {
    const one = ({ page, name, art, waiting }: Entry) => {
      const waits = waiting?.() ?? 0;
      return html`<a class="item" href=${link(page)} aria-current=${page === current.page ? "page" : "false"} title=${name} @click=${this.#fromMenu}>
        ${icon(art)}<span>${name}</span>${waits ? html`<span class="count" aria-label="${waits} waiting">${waits}</span>` : nothing}</a>`;
    };
    const ready = gateway.phase.name === "ready";
    return html`<nav class="nav ${this.#nav ? "open" : ""}" aria-label="Pages" @keydown=${(event: KeyboardEvent) => event.key === "Escape" && this.#backFromMenu()}>
      <a class="brand" href=${link("chat")} title="OpenClaw" @click=${this.#fromMenu}>${mark}<span>OpenClaw</span></a>
      ${groups.map(([name, all]) => html`${name ? html`<div class="group">${name}</div>` : nothing}${all.map(one)}`)}
      <div class="foot">
        <div class="theme" role="group" aria-label="Colours">${THEMES.map(([name, art, label]) => html`<button aria-label=${label} title=${label} aria-pressed=${theme() === name} @click=${() => (setTheme(name), this.requestUpdate())}>${icon(art)}</button>`)}</div>
        <button class="item" @click=${() => signOut()} title="Sign out">${icon("leave")}<span>Sign out</span></button>
        <div class="link-state"><span class="dot ${ready ? "good" : "warn"}"></span><span class="clip grow">${ready ? `Connected · ${gateway.hello?.server.version ?? ""}` : "Not connected"}</span><a class="licences" href="./licenses.txt" target="_blank" rel="noopener">Licences</a></div>
      </div>
    </nav>`;
  }

  #top(entry: Entry): TemplateResult {
    const chat = entry.page === "chat";
    return html`<header class="topbar">
      <button class="btn quiet icon-only" aria-label="Menu" aria-expanded=${this.#nav} @click=${() => this.#menu(true)}>${icon("menu")}</button>
      <h1 class="clip">${chat ? this.#title() : entry.name}</h1>
      ${chat ? html`<button class="btn quiet icon-only" aria-label="Conversations" @click=${() => document.dispatchEvent(new Event("oc-sessions"))}>${icon("list")}</button>` : nothing}
    </header>`;
  }

  #title(): string {
    const key = app.place.rest || app.mainKey;
    const row = sessions.rows?.find((one) => one.key === key);
    return row ? sessionTitle(row) : keyTitle(key);
  }

  #banner(): TemplateResult | typeof nothing {
    const { phase } = gateway;
    if (phase.name === "ready") return nothing;
    const why = phase.name === "waiting" ? `Not connected: ${phase.why}.` : "Connecting again.";
    return html`<div class="banner" role="status"><span class="spinner"></span><span>${why} What you write is kept and sent.</span>
      ${phase.name === "waiting" ? html`<button class="btn small" @click=${() => gateway.hurry()}>Try now</button>` : nothing}</div>`;
  }

  #loading(entry: Entry): TemplateResult {
    return html`<div class="page"><div class="inner">${this.#broken === entry.page
      ? html`<div class="note bad" role="alert">${icon("warning")}<div>This page could not be loaded. The gateway may have been updated: <a href="" @click=${() => location.reload()}>load it anew</a>.</div></div>`
      : html`<div class="skeleton sk-a"></div>`}</div></div>`;
  }

  #enter(entry: Entry): void {
    if (this.#page !== entry.page) {
      this.#page = entry.page;
      document.title = `${entry.name} – OpenClaw`;
    }
    if (this.#ready.has(entry.page) || this.#broken === entry.page) return;
    entry.load().then(
      () => this.#ready.add(entry.page),
      () => (this.#broken = entry.page),
    ).finally(() => this.requestUpdate());
  }

  #menu(open: boolean): void {
    if (this.#nav === open) return;
    this.#nav = open;
    this.requestUpdate();
    if (open) void this.updateComplete.then(() => this.querySelector<HTMLElement>('.nav [aria-current="page"]')?.focus());
  }

  readonly #backFromMenu = (): void => {
    if (!this.#nav) return;
    this.#menu(false);
    this.querySelector<HTMLElement>('[aria-label="Menu"]')?.focus();
  };

  readonly #fromMenu = (): void => {
    if (!this.#nav) return;
    this.#menu(false);
    this.#begin();
  };

  /** Another page: whoever was on something that is gone with the one before is at its beginning. */
  #arrive(): void {
    if (document.activeElement === document.body) this.#begin();
  }

  #begin(): void {
    this.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true });
  }

  readonly #skip = (event: Event): void => {
    event.preventDefault();
    this.#begin();
  };

  #welcome(hello: Hello): void {
    welcomed(hello);
    if (gateway.has("sessions.subscribe")) gateway.request("sessions.subscribe").catch(() => undefined);
    void sessions.refresh();
    void this.#count();
    if (gateway.has("agents.list")) {
      gateway.request<{ agents: AgentRow[]; defaultId?: string }>("agents.list").then(({ agents, defaultId }) => {
        app.agents = agents ?? [];
        if (defaultId) app.defaultAgent = defaultId;
        app.changed();
      }, () => undefined);
    }
  }

  /** An agent waits for a word: whoever looks at another page is told. */
  #asked(): void {
    if (app.place.page === "approvals") return;
    const title = "An agent waits for your decision";
    app.announce(title);
    toast({ tone: "info", title, action: { label: "Look", run: () => go("approvals") } });
  }

  /** How much waits for a decision. */
  async #count(): Promise<void> {
    const length = async (method: string, read: (answer: never) => unknown[] | undefined): Promise<number> => {
      if (!gateway.has(method)) return 0;
      return gateway.request(method).then((answer) => read(answer as never)?.length ?? 0, () => 0);
    };
    const own = (answer: unknown[]) => (Array.isArray(answer) ? answer : undefined);
    const [exec, plugin, devices, pairings] = await Promise.all([
      length("exec.approval.list", own),
      length("plugin.approval.list", own),
      length("device.pair.list", (answer: { pending?: unknown[] }) => answer.pending),
      length("channels.pairing.list", (answer: { requests?: unknown[] }) => answer.requests),
    ]);
    app.pendingApprovals = exec + plugin;
    app.pendingDevices = devices;
    app.pendingPairings = pairings;
    app.changed();
  }
}

define("oc-app", Shell);
