// The configuration file: edited as it is, checked, and shown as a difference before it is saved.
import JSON5 from "json5";
import { html, nothing, type TemplateResult } from "lit";
import { forgetSchema, isConflict, issuesOf, readConfig } from "../app/config";
import { gateway } from "../app/state";
import type { Phase } from "../gateway/client";
import type { ConfigSnapshot } from "../gateway/types";
import { badge, note } from "../ui/bits";
import { confirm } from "../ui/dialog";
import { diff, hunks } from "../ui/diff";
import "../ui/editor";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { explain, toast } from "../ui/toast";
import { define } from "../ui/view";
import { reread } from "./reread";

/** What is wrong with the text itself, before the gateway is asked. */
export function check(text: string): string | undefined {
  try {
    const value: unknown = JSON5.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? undefined : "The file must be an object: { … }";
  } catch (error) {
    return (error as Error).message.replace(/^JSON5: /, "");
  }
}

const NOT_SAVED = "The file was not saved";

/** What was begun and left for another page: it is there again when this one is. */
let begun: { snapshot: ConfigSnapshot; text: string } | undefined;
gateway.on<Phase>("phase", ({ name }) => name === "idle" && (begun = undefined));

export class ConfigPage extends Page {
  protected override readonly heading = "Configuration";
  protected override readonly lead = "The gateway's file, with secrets hidden: a hidden one that you leave stays as it is. Most changes take effect at once.";
  protected override readonly needs = ["config.get"];
  protected override readonly follows = ["config.changed"];
  protected override readonly full = true;
  #snapshot: ConfigSnapshot | undefined;
  #text = "";
  #newer: ConfigSnapshot | undefined;
  #issues: { path: string; message: string }[] = [];
  #problem = "";

  override connectedCallback(): void {
    if (begun) this.#snapshot = begun.snapshot;
    if (begun) this.#text = begun.text;
    super.connectedCallback();
    this.until(() => (begun = this.#snapshot && this.#dirty && gateway.phase.name !== "idle" ? { snapshot: this.#snapshot, text: this.#text } : undefined));
  }

  protected override async load(): Promise<void> {
    // a file that is just being saved is nobody else's; it is read afterwards
    if (this.busy(NOT_SAVED)) return;
    const snapshot = await readConfig();
    // what somebody is writing is not thrown away because the file was read again, be it a new one or not
    const what = reread(this.#dirty && this.#text !== raw(snapshot), this.#snapshot?.hash, snapshot.hash);
    if (what === "take") this.#take(snapshot);
    else this.#newer = what === "newer" ? snapshot : undefined;
  }

  get #dirty(): boolean {
    return Boolean(this.#snapshot) && this.#text !== raw(this.#snapshot);
  }

  protected override actions(): TemplateResult {
    const can = gateway.has("config.set") || gateway.has("config.apply");
    return html`${this.#dirty ? badge("Changed", "accent") : nothing}
      <button class="btn" ?disabled=${!this.#dirty} @click=${() => this.#snapshot && this.#take(this.#snapshot)}>Discard</button>
      <button class="btn primary" ?disabled=${!this.#dirty || !can || Boolean(check(this.#text)) || this.busy(NOT_SAVED)} @click=${this.#save}>${icon("check")}Review and save</button>`;
  }

  protected override body(): TemplateResult {
    const snapshot = this.#snapshot;
    const wrong = check(this.#text);
    const issues = [...(snapshot?.valid === false ? (snapshot.issues ?? []) : []), ...this.#issues];
    return html`
      ${this.#newer ? note("warn", html`<div class="row wrap between"><span>The file was changed elsewhere since you opened it.</span><span class="row"><button class="btn small" @click=${this.#compare}>Show what changed</button><button class="btn small" @click=${this.#rebase}>Keep mine on top</button><button class="btn small" @click=${() => this.#newer && this.#take(this.#newer)}>Take theirs</button></span></div>`) : nothing}
      ${issues.length ? note("bad", html`<strong>This is not a valid configuration; the last good one stays in use.</strong>${issues.map((issue) => html`<div>${issue.path ? html`<code>${issue.path}</code>: ` : nothing}${issue.message}</div>`)}`) : nothing}
      ${this.#problem ? note("bad", this.#problem) : nothing}
      <div class="card editor-card"><oc-editor .label=${"Configuration"} .value=${this.#text} @edited=${(event: CustomEvent<string>) => ((this.#text = event.detail), (this.#issues = []), (this.#problem = ""), this.requestUpdate())}></oc-editor></div>
      <div class="row between wrap tiny faint"><span class="mono">${snapshot?.path ?? ""}</span><span role="status">${wrong ? html`<span class="wrong-text">${wrong}</span>` : "JSON5 is well formed"}</span></div>`;
  }

  #take(snapshot: ConfigSnapshot): void {
    this.#snapshot = snapshot;
    this.#newer = undefined;
    this.#text = raw(snapshot);
    this.#issues = [];
    this.#problem = "";
    this.requestUpdate();
  }

  readonly #compare = (): void => {
    void confirm({ title: "What changed elsewhere", body: changes(raw(this.#snapshot), raw(this.#newer)), action: "Close", wide: true });
  };

  readonly #rebase = (): void => {
    if (this.#newer) this.#snapshot = this.#newer;
    this.#newer = undefined;
    this.requestUpdate();
  };

  readonly #save = async (): Promise<void> => {
    const snapshot = this.#snapshot;
    if (!snapshot || !(await confirm({ title: "Save these changes?", body: changes(raw(snapshot), this.#text), action: "Save", wide: true }))) return;
    await this.act(NOT_SAVED, () => this.#send(snapshot, this.#text));
    await this.reload();
  };

  /** Saves a text. What is written meanwhile is a change of it. */
  async #send(snapshot: ConfigSnapshot, text: string): Promise<void> {
    const method = gateway.has("config.apply") ? "config.apply" : "config.set";
    const base = snapshot.hash ? { baseHash: snapshot.hash } : {};
    try {
      const { hash } = await gateway.request<{ hash?: string }>(method, { raw: text, ...base }, 60_000);
      toast({ tone: "good", title: "Saved", body: "What needs a restart says so in the log." });
      forgetSchema();
      this.#snapshot = { ...snapshot, raw: text, valid: true, ...(hash ? { hash } : {}) };
      this.#issues = [];
      this.#problem = "";
    } catch (error) {
      this.#issues = issuesOf(error);
      this.#problem = this.#issues.length || isConflict(error) ? "" : explain(error);
    }
  }
}

function raw(snapshot: ConfigSnapshot | undefined): string {
  if (typeof snapshot?.raw === "string") return snapshot.raw;
  const value = snapshot?.sourceConfig ?? snapshot?.parsed ?? snapshot?.config;
  return value ? `${JSON.stringify(value, null, 2)}\n` : "{\n}\n";
}

export function changes(from: string, to: string): TemplateResult {
  const sign = { add: "+", del: "−", same: " " } as const;
  return html`<div class="diff" tabindex="0" role="group" aria-label="Changed lines">
    ${hunks(diff(from, to)).map((one) => (typeof one === "number" ? html`<div class="skip"><span>⋯</span>${one} lines as before</div>` : html`<div class=${one.kind}><span aria-label=${one.kind === "add" ? "added" : one.kind === "del" ? "removed" : nothing}>${sign[one.kind]}</span>${one.line || " "}</div>`))}
  </div>`;
}

define("oc-config", ConfigPage);
