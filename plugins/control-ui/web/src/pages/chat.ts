// The conversation, and the list of conversations beside it.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { sessions } from "../app/sessions";
import { app, gateway, go, keyTitle, link, sessionTitle, withoutNotes } from "../app/state";
import { byDay, plain } from "../chat/by-day";
import { pick as branches } from "../chat/branches";
import "../chat/composer";
import type { Composer } from "../chat/composer";
import { Conversation } from "../chat/conversation";
import "../chat/log";
import type { Log } from "../chat/log";
import type { SessionRow } from "../gateway/types";
import { badge, empty, note, skeletons } from "../ui/bits";
import { ask, confirm } from "../ui/dialog";
import { icon, type Icon } from "../ui/icons";
import { failed, toast } from "../ui/toast";
import { View, define } from "../ui/view";

const STARTERS = [
  ["What can you do?", "Ask for its tools and skills"],
  ["/status", "Model, session and usage at a glance"],
  ["Remind me tomorrow at nine to call Ada", "Something for later"],
  ["/help", "Every command"],
] as const;

export class ChatPage extends View {
  #conversation: Conversation | undefined;
  #open = false;
  readonly #change = () => this.requestUpdate();
  readonly #draft = () => this.querySelector<Composer>("oc-composer")?.reread();

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(app.watch(() => this.requestUpdate()));
    const toggle = () => this.#showList(!this.#open);
    document.addEventListener("oc-sessions", toggle);
    this.until(() => document.removeEventListener("oc-sessions", toggle));
    this.until(() => this.#leave());
    this.until(() => sessions.find(""));
  }

  protected override willUpdate(): void {
    const key = app.place.rest || app.mainKey;
    if (this.#conversation?.key === key) return;
    this.#leave();
    this.#conversation = Conversation.enter(key);
    this.#conversation.addEventListener("change", this.#change);
    this.#conversation.addEventListener("draft", this.#draft);
    this.#showList(false);
    void this.updateComplete.then(() => matchMedia("(pointer: fine)").matches && this.querySelector<Composer>("oc-composer")?.focus());
  }

  /** On a phone the list lies over the conversation: the keyboard goes there and back. */
  #showList(open: boolean): void {
    if (this.#open === open) return;
    this.#open = open;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      const to = open ? this.querySelector<HTMLElement>('.session[aria-current="true"]') : document.querySelector<HTMLElement>('.topbar [aria-label="Conversations"]');
      to?.focus();
    });
  }

  #leave(): void {
    this.#conversation?.removeEventListener("change", this.#change);
    this.#conversation?.removeEventListener("draft", this.#draft);
    this.#conversation?.leave();
    this.#conversation = undefined;
  }

  protected override render(): TemplateResult {
    const conversation = this.#conversation;
    if (!conversation) return html``;
    return html`<div class="chat">
      <aside class="sessions ${this.#open ? "open" : ""}" aria-label="Conversations" @keydown=${(event: KeyboardEvent) => event.key === "Escape" && this.#showList(false)}>${this.#list(conversation)}</aside>
      ${this.#open ? html`<button class="scrim open" aria-label="Close the list" @click=${() => this.#showList(false)}></button>` : nothing}
      <section class="talk" aria-label="Conversation">${this.#head(conversation)}${this.#body(conversation)}
        ${conversation.problem ? html`<div class="composer problem">${note("bad", conversation.problem)}</div>` : nothing}
        <oc-composer .conversation=${conversation} .busy=${conversation.transcript.busy} @sent=${() => this.querySelector<Log>("oc-log")?.toEnd()}></oc-composer>
      </section>
    </div>`;
  }

  #head(conversation: Conversation): TemplateResult {
    const { info } = conversation;
    const row = sessions.rows?.find((one) => one.key === conversation.key) ?? info;
    const used = info?.totalTokens && info.contextTokens ? Math.min(100, Math.round((100 * info.totalTokens) / info.contextTokens)) : undefined;
    return html`<header class="talk-head">
      <h1 class="clip" title=${conversation.key}>${row ? sessionTitle(row) : keyTitle(conversation.key)}</h1>
      ${row?.channel ? badge(row.channel) : nothing}
      <span class="grow"></span>
      ${used ? html`<span class="tiny faint number" title="How full the model's context is">${used}% of context</span>` : nothing}
      ${this.#models(conversation)}
      ${this.#acts(conversation)}
    </header>`;
  }

  #acts(conversation: Conversation): TemplateResult {
    const act = (method: string, name: string, art: Icon, run: (conversation: Conversation) => Promise<void>) =>
      gateway.has(method) ? html`<button class="btn quiet small icon-only" aria-label=${name} title=${name} @click=${() => run.call(this, conversation)}>${icon(art)}</button>` : nothing;
    return html`${act("sessions.branches.switch", "Branches", "branch", branches)}${act("sessions.patch", "Rename", "edit", this.#rename)}${act("sessions.reset", "Start anew", "refresh", this.#reset)}${conversation.key === app.mainKey ? nothing : act("sessions.delete", "Delete", "trash", this.#delete)}`;
  }

  #models(conversation: Conversation): TemplateResult | typeof nothing {
    const { info, models } = conversation;
    const current = info?.model ? `${info.modelProvider ? `${info.modelProvider}/` : ""}${info.model}` : "";
    if (!models.length || !gateway.has("sessions.patch")) return current ? html`<span class="chip">${current}</span>` : nothing;
    const names = [...new Set([current, ...models.map((model) => `${model.provider}/${model.id}`)])].filter(Boolean);
    const pick = async (event: Event) => {
      const model = (event.target as HTMLSelectElement).value;
      await gateway.request("sessions.patch", { key: conversation.key, model }).catch((error) => failed("The model was not changed", error));
      void conversation.refresh();
    };
    return html`<select class="input compact" aria-label="Model" .value=${current} @change=${pick}>${names.map((name) => html`<option value=${name} ?selected=${name === current}>${name}</option>`)}</select>`;
  }

  #body(conversation: Conversation): TemplateResult {
    const nothingYet = !conversation.transcript.rows.length && !conversation.transcript.items().length;
    if (!gateway.has("chat.history")) return html`<div class="log">${empty("chat", "Chat is not offered", html`This gateway lacks <code>chat.history</code>. A newer version has it.`)}</div>`;
    if (conversation.loading) return html`<div class="log"><div class="rows">${skeletons(3)}</div></div>`;
    if (!nothingYet) return html`<oc-log class="fill" .conversation=${conversation}></oc-log>`;
    const agent = app.agents.find((one) => one.id === conversation.agentId);
    const name = agent?.identity?.name ?? agent?.name;
    return html`<div class="log"><div class="hello">
      <div><h2>${name && name !== "main" ? `Talk to ${name}` : "What shall we do?"}</h2><p class="muted">Answers come as they are written. Paste or drop files to send them.</p></div>
      <div class="starters">${STARTERS.map(([text, why]) => html`<button @click=${() => this.querySelector<Composer>("oc-composer")?.write(text)}><strong>${text}</strong><span>${why}</span></button>`)}</div>
    </div></div>`;
  }

  #list(conversation: Conversation): TemplateResult {
    const { search, shown: found, rows } = sessions;
    const { key, info } = conversation;
    const isListed = search || found.some((row) => row.key === key);
    const shown = isListed ? found : [{ ...info, key, lastActivityAt: info?.lastActivityAt || info?.updatedAt || Date.now() }, ...found];
    return html`<div class="tools">
        <div class="searchbox grow">${icon("search")}<input class="input" type="search" placeholder="Search" aria-label="Search conversations" @input=${(event: InputEvent) => sessions.find((event.target as HTMLInputElement).value)} /></div>
        <button class="btn icon-only" aria-label="New conversation" title="New conversation" @click=${() => this.#new(conversation)}>${icon("plus")}</button>
      </div>
      <div class="phone-only acts">${this.#models(conversation)}${this.#acts(conversation)}</div>
      <nav class="list" aria-label="Conversations">
        ${rows === undefined && gateway.has("sessions.list") ? skeletons(5) : nothing}
        ${byDay(shown, Date.now()).map(([name, group]) => html`<div class="when">${name}</div>${repeat(group, (row) => row.key, (row) => this.#row(row, conversation))}`)}
        ${search && !shown.length && !sessions.isSearching ? empty("search", "Nothing found", sessions.isPart ? `None of the newest ${rows?.length} conversations has “${search}” in it, and no other has it in its name.` : `No conversation has “${search}” in it.`) : nothing}
        ${sessions.hasMore ? html`<button class="btn small quiet" @click=${this.#more}>Show more</button>` : nothing}
      </nav>
      <div class="sr" role="status">${search && !sessions.isSearching ? `${shown.length}${sessions.hasMore ? " or more" : ""} found` : nothing}</div>`;
  }

  #row(row: SessionRow, conversation: Conversation): TemplateResult {
    const current = row.key === conversation.key;
    return html`<a class="session" href=${link("chat", row.key)} aria-current=${current ? "true" : "false"} title=${row.key} @click=${() => this.#showList(false)}>
      <span class="name">${row.hasActiveRun ? html`<span class="dot busy" role="img" aria-label="answering"></span>` : nothing}<span class="clip">${sessionTitle(row)}</span>${row.unread && !current ? html`<span class="unread" role="img" aria-label="unread"></span>` : nothing}</span>
      <span class="last clip">${plain(withoutNotes(row.lastMessagePreview ?? "")) || row.channel || row.agentId || "No messages yet"}</span>
    </a>`;
  }

  /** Whoever goes by the keyboard goes on where the list has grown. */
  readonly #more = async (): Promise<void> => {
    const known = new Set(sessions.shown.map(({ key }) => key));
    await sessions.more();
    await this.updateComplete;
    [...this.querySelectorAll<HTMLElement>("a.session")].find(({ title }) => !known.has(title))?.focus();
  };

  #new(conversation: Conversation): void {
    const id = crypto.randomUUID?.() ?? Date.now().toString(36);
    go("chat", `agent:${conversation.agentId}:dashboard:${id}`);
  }

  async #rename(conversation: Conversation): Promise<void> {
    const label = await ask("Rename the conversation", "Name", conversation.info?.label ?? "");
    if (!label) return;
    await this.#do("The conversation was not renamed", () => gateway.request("sessions.patch", { key: conversation.key, label }));
    void conversation.refresh();
  }

  async #reset(conversation: Conversation): Promise<void> {
    const yes = await confirm({ title: "Start this conversation anew?", body: "The model forgets what was said here. The old transcript is kept by the gateway.", action: "Start anew", danger: true });
    if (!yes) return;
    await this.#do("The conversation was not reset", () => gateway.request("sessions.reset", { key: conversation.key }));
    conversation.recast();
  }

  async #delete(conversation: Conversation): Promise<void> {
    const yes = await confirm({ title: "Delete this conversation?", body: "It disappears from the list, and the model forgets it.", action: "Delete", danger: true });
    if (!yes || !(await this.#do("The conversation was not deleted", () => gateway.request("sessions.delete", { key: conversation.key })))) return;
    toast({ tone: "good", title: "Conversation deleted" });
    sessions.drop(conversation.key);
    go("chat");
  }

  async #do(what: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      failed(what, error);
      return false;
    }
  }
}

define("oc-chat", ChatPage);
