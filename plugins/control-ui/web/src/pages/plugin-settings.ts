// The settings of one plugin, and of the channels that it serves, as a form.
import { html, nothing, type TemplateResult } from "lit";
import { changePart, forgetSchema, isConflict, issuesOf, partOf, readConfig, readSchema, source } from "../app/config";
import { gateway } from "../app/state";
import type { ConfigSnapshot } from "../gateway/types";
import { badge, empty, note, skeletons } from "../ui/bits";
import { icon } from "../ui/icons";
import { at, merged, mergePatch, same, type Hint, type Schema } from "../ui/schema";
import "../ui/schema-form";
import type { SchemaForm } from "../ui/schema-form";
import { explain, toast } from "../ui/toast";
import { View, define } from "../ui/view";

export class PluginSettings extends View {
  static override properties = { plugin: { type: String }, path: { attribute: false } };
  declare plugin: string;
  /** Another part of the file than the plugin's own. */
  declare path: readonly string[] | undefined;
  #for = "";
  #snapshot: ConfigSnapshot | undefined;
  #part: { schema: Schema; hints: Record<string, Hint> } | undefined;
  #root: Schema = {};
  #value: unknown;
  #version = 0;
  #state: "loading" | "ready" | "absent" | "failed" = "loading";
  #problem = "";
  #issues: { path: string; message: string }[] = [];
  #busy = false;

  get #path(): readonly string[] {
    return this.path ?? ["plugins", "entries", this.plugin, "config"];
  }

  protected override willUpdate(): void {
    const wanted = this.#path.join(".");
    if (this.#for === wanted) return;
    this.#for = wanted;
    this.#state = "loading";
    void this.#begin();
  }

  protected override render(): TemplateResult {
    const methods = ["config.get", "config.schema", "config.patch"].filter((method) => !gateway.has(method));
    if (methods.length) return this.#card(empty("config", "Settings are not offered", html`This gateway lacks <code>${methods.join(", ")}</code>. Edit <span class="mono">${this.#path.join(".")}</span> in the file instead.`));
    switch (this.#state) {
      case "loading":
        return skeletons(3);
      case "absent":
        return this.#card(empty("config", "Nothing to set", "This plugin has no settings of its own."));
      case "failed":
        return this.#card(note("bad", html`The settings could not be read. ${this.#problem} <button class="btn small" @click=${() => this.#begin()}>Try again</button>`));
      case "ready":
        return this.#form();
    }
  }

  #card(body: TemplateResult): TemplateResult {
    return html`<section class="card" aria-label="Settings"><div class="head"><h2>Settings</h2></div><div class="body">${body}</div></section>`;
  }

  #form(): TemplateResult {
    const dirty = !same(this.#value ?? {}, this.#said ?? {});
    return html`<section class="card" aria-label="Settings"><div class="head"><h2>Settings</h2><span class="tiny faint mono grow clip">${this.#path.join(".")}</span>${dirty ? badge("Changed", "accent") : nothing}</div>
      <form class="body stack" novalidate @submit=${this.#save}>
        ${this.#issues.map((issue) => note("bad", html`${issue.path ? html`<code>${issue.path}</code>: ` : nothing}${issue.message}`))}
        ${this.#problem ? note("bad", this.#problem) : nothing}
        <oc-schema-form .schema=${this.#part?.schema ?? {}} .root=${this.#root} .hints=${this.#part?.hints ?? {}} .value=${this.#value} .version=${this.#version} @edited=${(event: CustomEvent) => ((this.#value = event.detail), this.requestUpdate())}></oc-schema-form>
        <div class="row"><button class="btn primary" ?disabled=${!dirty || this.#busy}>${this.#busy ? html`<span class="spinner"></span>` : icon("check")}Save</button><button type="button" class="btn quiet" ?disabled=${!dirty || this.#busy} @click=${() => this.#begin()}>Discard</button></div>
      </form></section>`;
  }

  /** Begins with what the file says. */
  async #begin(): Promise<void> {
    const path = this.#for;
    if (this.#state === "failed") this.#state = "loading";
    this.#issues = [];
    this.#problem = "";
    this.requestUpdate();
    try {
      if (!(await this.#read())) return;
      this.#value = this.#said;
      this.#version += 1;
      this.#state = this.#part && Object.keys(this.#part.schema.properties ?? {}).length ? "ready" : "absent";
    } catch (error) {
      if (path !== this.#for) return;
      if (this.#state === "loading") this.#state = "failed";
      this.#problem = explain(error);
    }
    this.requestUpdate();
  }

  /** False if it is another part that is shown by now. */
  async #read(): Promise<boolean> {
    const path = this.#for;
    const [snapshot, known] = await Promise.all([readConfig(), readSchema()]);
    if (path !== this.#for) return false;
    this.#snapshot = snapshot;
    this.#root = known.root;
    this.#part = partOf(known, this.#path);
    return true;
  }

  /** What the file had when it was read last. */
  get #said(): unknown {
    return at(source(this.#snapshot ?? {}), this.#path);
  }

  readonly #save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const form = this.querySelector<SchemaForm>("oc-schema-form");
    if (!form?.valid) {
      form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      return;
    }
    this.#busy = true;
    this.#issues = [];
    this.#problem = "";
    this.requestUpdate();
    const path = this.#for;
    const sent = this.#value ?? {};
    try {
      await changePart(this.#snapshot ?? {}, this.#path, sent);
      toast({ tone: "good", title: "Saved", body: "The plugin takes it up at once, or is loaded anew." });
      forgetSchema();
      // what was entered meanwhile is a change of what the file says now
      if (await this.#read()) this.#value = merged(this.#said, mergePatch(sent, this.#value ?? {}));
      this.dispatchEvent(new Event("saved"));
    } catch (error) {
      if (path !== this.#for) return;
      this.#issues = issuesOf(error);
      this.#problem = isConflict(error) ? "The file was changed elsewhere meanwhile. Discard to see what it says now, then make your change again." : this.#issues.length ? "" : explain(error);
    } finally {
      this.#busy = false;
      this.requestUpdate();
    }
  };
}

define("oc-plugin-settings", PluginSettings);
