// The agents: who they are, which model they use, and the files that tell them how to be.
import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { app, gateway, go, link } from "../app/state";
import type { Phase } from "../gateway/client";
import type { AgentRow } from "../gateway/types";
import { ago, badge, bytes, empty, note } from "../ui/bits";
import { ask, confirm } from "../ui/dialog";
import "../ui/editor";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { toast } from "../ui/toast";
import { define } from "../ui/view";
import { changes } from "./config";

interface AgentFile {
  name: string;
  path?: string;
  missing?: boolean;
  size?: number;
  updatedAtMs?: number;
  hash?: string;
  content?: string;
}

/** A file that was opened, and what is written into it since. */
interface Opened {
  readonly agentId: string;
  readonly name: string;
  /** What it has, as far as this page knows. */
  content: string;
  text: string;
}

const isChanged = (file: Opened) => file.text !== file.content;

/** What was begun and left for another page, by agent: it is there again when its agent is. */
const begun = new Map<string, Opened>();
gateway.on<Phase>("phase", ({ name }) => name === "idle" && begun.clear());

export class AgentsPage extends Page {
  protected override readonly heading = "Agents";
  protected override readonly lead = "Each has a character, a model and a memory of its own.";
  protected override readonly needs = ["agents.list"];
  #agents: AgentRow[] = [];
  #default = "";
  #files: AgentFile[] | undefined;
  #filesOf = "";
  #open: Opened | undefined;
  /** How often a file was chosen, or another agent: an answer to an earlier choice comes too late. */
  #choices = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(app.watch(() => void this.#follow()));
    this.until(() => this.#leave());
  }

  protected override async load(): Promise<void> {
    const list = await gateway.request<{ agents: AgentRow[]; defaultId?: string }>("agents.list", {});
    this.#agents = list.agents ?? [];
    this.#default = list.defaultId ?? "";
    app.agents = this.#agents;
    await this.#follow();
  }

  protected override actions(): TemplateResult | typeof nothing {
    return gateway.has("agents.create") ? html`<button class="btn primary" @click=${this.#create}>${icon("plus")}New agent</button>` : nothing;
  }

  protected override body(): TemplateResult {
    const chosen = this.#agents.find(({ id }) => id === app.place.rest);
    if (chosen) return this.#one(chosen);
    if (!this.#agents.length) return html`<div class="card">${empty("agents", "No agent", "The gateway has none configured.")}</div>`;
    return html`<div class="grid">${this.#agents.map((agent) => html`<section class="card" aria-label=${nameOf(agent)}><div class="body stack">
      <div class="row"><span class="glyph">${agent.identity?.emoji || nameOf(agent).charAt(0).toUpperCase()}</span><div class="grow"><h2 class="clip">${nameOf(agent)}</h2>${nameOf(agent) === agent.id ? nothing : html`<div class="tiny faint mono">${agent.id}</div>`}</div>${agent.id === this.#default ? badge("default", "accent") : nothing}</div>
      <dl class="kv"><dt>Model</dt><dd class="mono tiny">${agent.model?.primary ?? "the default"}</dd><dt>Files</dt><dd class="mono tiny">${agent.workspace ?? "–"}</dd></dl>
      <div class="row"><a class="btn small primary" href=${link("chat", `agent:${agent.id}:main`)}>${icon("chat")}Chat</a><a class="btn small" href=${link("agents", agent.id)}>${icon("edit")}Open</a></div>
    </div></section>`)}</div>`;
  }

  #one(agent: AgentRow): TemplateResult {
    return html`<div class="row wrap"><a class="btn small quiet" href=${link("agents")}>${icon("chevron", "back")}All agents</a><h2 class="grow">${nameOf(agent)}</h2>
        ${gateway.has("agents.update") ? html`<button class="btn small" @click=${() => this.#update(agent, "name")}>${icon("edit")}Rename</button><button class="btn small" @click=${() => this.#update(agent, "model")}>${icon("models")}Model</button>` : nothing}
        ${gateway.has("agents.delete") && agent.id !== this.#default ? html`<button class="btn small danger" @click=${() => this.#delete(agent)}>${icon("trash")}Delete</button>` : nothing}</div>
      ${gateway.has("agents.files.list") ? html`<div class="split">
        <div class="card">${(this.#files ?? []).map((file) => html`<button class="list-item pick" aria-current=${file.name === this.#open?.name} @click=${() => this.#show(agent.id, file.name)}>${icon("file")}<span class="grow"><span class="mono small">${file.name}</span><span class="tiny faint block">${file.missing ? "not there yet" : `${bytes(file.size)} · ${ago(file.updatedAtMs)}`}</span></span></button>`)}</div>
        ${this.#open ? this.#file(this.#open) : html`<div class="card">${empty("file", "Choose a file", "They are read at the start of each conversation: who the agent is, whom it serves, what it should remember.")}</div>`}
      </div>` : note("info", html`This gateway does not offer the files of agents (<code>agents.files.list</code>). They are in <span class="mono">${agent.workspace}</span>.`)}`;
  }

  #file(file: Opened): TemplateResult {
    const can = gateway.has("agents.files.set") && !this.busy(unsaved(file));
    return html`<div class="card file-card"><div class="head"><span class="mono grow clip">${file.name}</span>${isChanged(file) ? badge("Changed", "accent") : nothing}<button class="btn small primary" ?disabled=${!isChanged(file) || !can} @click=${() => this.#save(file)}>${icon("check")}Review and save</button></div>
      ${keyed(file, html`<oc-editor .language=${"text"} .label=${file.name} .value=${file.text} @edited=${(event: CustomEvent<string>) => ((file.text = event.detail), this.requestUpdate())}></oc-editor>`)}</div>`;
  }

  async #follow(): Promise<void> {
    const id = app.place.page === "agents" ? app.place.rest : "";
    if (id === this.#filesOf) return this.requestUpdate();
    this.#filesOf = id;
    this.#files = undefined;
    this.#leave();
    this.#open = begun.get(id);
    begun.delete(id);
    this.#choices += 1;
    if (id && gateway.has("agents.files.list")) await this.#list(id);
    this.requestUpdate();
  }

  #leave(): void {
    if (this.#open && isChanged(this.#open) && gateway.phase.name !== "idle") begun.set(this.#open.agentId, this.#open);
  }

  async #list(agentId: string): Promise<void> {
    await this.act(`The files of ${agentId} could not be listed`, async () => {
      const { files } = await gateway.request<{ files: AgentFile[] }>("agents.files.list", { agentId });
      if (this.#filesOf === agentId) this.#files = files;
    });
  }

  async #show(agentId: string, name: string): Promise<void> {
    const choice = ++this.#choices;
    const file = await this.#read(agentId, name);
    if (!file || choice !== this.#choices) return;
    const open = this.#open;
    if (open && isChanged(open) && !(await confirm({ title: "Leave without saving?", body: `What you changed in ${open.name} is lost.`, action: "Leave", danger: true }))) return;
    if (choice !== this.#choices) return;
    const content = file.content ?? "";
    this.#open = { agentId, name, content, text: content };
    this.requestUpdate();
  }

  async #read(agentId: string, name: string): Promise<AgentFile | undefined> {
    const found: AgentFile[] = [];
    await this.act(`${name} could not be read`, async () => {
      found.push((await gateway.request<{ file: AgentFile }>("agents.files.get", { agentId, name })).file);
    });
    return found[0];
  }

  /** Another file may be open before this one is saved. */
  async #save(file: Opened): Promise<void> {
    const { agentId, name } = file;
    // agents write into their own files, also while somebody else does
    const now = await this.#read(agentId, name);
    if (!now) return;
    const isOther = (now.content ?? "") !== file.content;
    const title = isOther ? `${name} was changed meanwhile. Save yours in its place?` : `Save ${name}?`;
    const content = file.text;
    if (!(await confirm({ title, body: changes(now.content ?? "", content), action: "Save", wide: true, danger: isOther }))) return;
    const done = await this.act(unsaved(file), () => gateway.request("agents.files.set", { agentId, name, content }));
    if (!done) return;
    file.content = content;
    toast({ tone: "good", title: `${name} is saved`, body: "The next conversation reads it." });
    await this.#list(agentId);
  }

  readonly #create = async (): Promise<void> => {
    const name = await ask("New agent", "Name", "", "Create");
    if (!name) return;
    const done = await this.act("The agent was not made", async () => {
      const { agentId } = await gateway.request<{ agentId: string }>("agents.create", { name });
      go("agents", agentId);
    });
    if (done) await this.reload();
  };

  async #update(agent: AgentRow, key: "name" | "model"): Promise<void> {
    const value = await ask(key === "name" ? "Rename the agent" : "Change the model", key === "name" ? "Name" : "Model, as provider/model", key === "name" ? nameOf(agent) : (agent.model?.primary ?? ""));
    if (!value) return;
    await this.act("The agent was not changed", () => gateway.request("agents.update", { agentId: agent.id, [key]: value }));
    await this.reload();
  }

  async #delete(agent: AgentRow): Promise<void> {
    if (!(await confirm({ title: `Delete ${nameOf(agent)}?`, body: "Its conversations are no longer answered. Its files stay on the disk.", action: "Delete", danger: true }))) return;
    if (await this.act("The agent was not deleted", () => gateway.request("agents.delete", { agentId: agent.id }))) go("agents");
    await this.reload();
  }
}

const unsaved = ({ name }: Opened) => `${name} was not saved`;

function nameOf(agent: AgentRow): string {
  return agent.identity?.name || agent.name || agent.id;
}

define("oc-agents", AgentsPage);
