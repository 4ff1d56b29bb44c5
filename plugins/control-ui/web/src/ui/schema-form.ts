// A form made from a JSON schema. What it can't show as fields it shows as JSON, so every setting can be reached.
//
// Invariants: what is not touched, or is made as it was, stays as it was; another version begins anew, and another value of
// the same version takes nothing away from who is just entering something.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { toggle } from "./bits";
import { icon } from "./icons";
import { REDACTED, at, constants, isNeeded, kindOf, put, resolve, words, wrongWith, type Hint, type Schema } from "./schema";
import { View, define } from "./view";

type Path = readonly string[];

/** Groups deeper than this are shown as JSON: a schema may refer to itself. */
const DEEPEST = 6;

export class SchemaForm extends View {
  static override properties = { schema: { attribute: false }, root: { attribute: false }, hints: { attribute: false }, value: { attribute: false }, version: { attribute: false } };
  declare schema: Schema;
  declare root: Schema | undefined;
  declare hints: Record<string, Hint>;
  declare value: unknown;
  /** Counts how often the form begins anew. */
  declare version: number;
  #broken = new Map<string, string>();
  /** Secrets that are set, by place: what is entered in their fields and taken out again leaves them. */
  #secrets = new Map<string, unknown>();
  #advanced = false;

  constructor() {
    super();
    this.schema = {};
    this.hints = {};
    this.version = 0;
  }

  /** Is everything that was entered right? */
  get valid(): boolean {
    return this.#broken.size === 0 && !this.querySelector('[aria-invalid="true"]');
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("version")) return;
    this.#broken.clear();
    this.#secrets.clear();
  }

  protected override render(): TemplateResult {
    return html`<div class="form">${keyed(this.version, this.#fields(resolve(this.schema, this.#root), [], true))}
      ${this.#hasAdvanced() ? html`<button type="button" class="btn small quiet" @click=${() => ((this.#advanced = !this.#advanced), this.requestUpdate())}>${this.#advanced ? "Hide" : "Show"} advanced settings</button>` : nothing}
    </div>`;
  }

  get #root(): Schema {
    return this.root ?? this.schema;
  }

  #hint(schema: Schema, path: Path): Hint {
    return { ...(schema["x-ui"] ?? {}), ...(this.hints[path.join(".")] ?? {}) };
  }

  #hasAdvanced(): boolean {
    const { properties = {} } = resolve(this.schema, this.#root);
    return Object.entries(properties).some(([name, own]) => this.#hint(resolve(own, this.#root), [name]).advanced);
  }

  /** The fields of a group; `isThere` says that there has to be one. */
  #fields(schema: Schema, path: Path, isThere: boolean): TemplateResult[] {
    const rows = Object.entries(schema.properties ?? {}).map(([name, own]) => {
      const inner = resolve(own, this.#root);
      const place = [...path, name];
      return { name, inner, place, hint: this.#hint(inner, place) };
    });
    const shown = rows.filter(({ hint, inner, place }) => (!hint.advanced || this.#advanced || at(this.value, place) !== undefined) && !inner.deprecated);
    shown.sort((a, b) => (a.hint.order ?? 1000) - (b.hint.order ?? 1000));
    return shown.map(({ name, inner, place, hint }) => this.#field(inner, name, place, hint, isNeeded(schema, name, at(this.value, path), isThere)));
  }

  #field(schema: Schema, name: string, path: Path, hint: Hint, required: boolean): TemplateResult {
    const found = kindOf(schema, name, hint);
    const kind = found === "object" && path.length > DEEPEST ? "json" : found;
    const label = hint.label ?? schema.title ?? words(name);
    const help = hint.help ?? schema.description;
    const value = at(this.value, path);
    const id = `f-${path.join("-").replace(/[^\w-]/g, "_")}`;
    if (kind === "object") return html`<fieldset class="form-group"><legend>${label}</legend>${help ? html`<p class="tiny faint">${help}</p>` : nothing}<div class="form">${this.#fields(schema, path, required)}</div></fieldset>`;
    if (kind === "boolean") {
      const on = (value ?? schema.default ?? false) === true;
      return html`<div class="check">${toggle(label, on, (to) => this.#set(path, to), help ? { help: `${id}-help` } : {})}<div class="stack tight grow"><span class="label">${label}</span>${help ? html`<span class="tiny faint" id="${id}-help">${help}</span>` : nothing}</div></div>`;
    }
    const wrong = this.#broken.get(path.join(".")) ?? (kind === "json" || kind === "map" || kind === "list" ? undefined : wrongWith(value, schema, required));
    return html`<div class="field">
      <label for=${id} id="${id}-label">${label}${required ? html` <span class="faint">needed</span>` : nothing}</label>
      ${this.#input(kind, schema, path, value, id, hint, wrong)}
      ${wrong ? html`<span class="wrong" id="${id}-wrong" role="alert">${wrong}</span>` : nothing}
      ${help ? html`<span class="hint" id="${id}-help">${help}</span>` : nothing}
    </div>`;
  }

  #input(kind: string, schema: Schema, path: Path, value: unknown, id: string, hint: Hint, wrong: string | undefined): TemplateResult {
    const about = `${id}-help ${id}-wrong`;
    const invalid = wrong ? "true" : "false";
    const placeholder = hint.placeholder ?? (schema.default !== undefined && schema.default !== null ? `${typeof schema.default === "object" ? JSON.stringify(schema.default) : schema.default} by default` : "");
    switch (kind) {
      case "choice": {
        const options = constants(schema) ?? [];
        const pick = (event: Event) => this.#set(path, options[Number((event.target as HTMLSelectElement).value)]?.value);
        return html`<select class="input" id=${id} aria-describedby=${about} @change=${pick}>
          <option value="" ?selected=${value === undefined}>${schema.default !== undefined && schema.default !== null ? `${String(schema.default)} (default)` : "not set"}</option>
          ${options.map((option, n) => html`<option value=${n} ?selected=${option.value === value}>${option.text}</option>`)}
        </select>`;
      }
      case "number":
      case "integer": {
        const enter = (event: Event) => {
          const { value: text, valueAsNumber, validity } = event.target as HTMLInputElement;
          // what a browser can't read it gives as nothing
          if (validity.badInput) return this.#break(path, "This is no number.");
          this.#broken.delete(path.join("."));
          this.#set(path, text === "" ? undefined : valueAsNumber);
        };
        return html`<input class="input number" type="number" id=${id} step=${kind === "integer" ? "1" : "any"} min=${schema.minimum ?? nothing} max=${schema.maximum ?? nothing} .value=${typeof value === "number" ? String(value) : ""} placeholder=${placeholder} aria-invalid=${invalid} aria-describedby=${about} @input=${enter} />`;
      }
      case "secret": {
        const kept = value === REDACTED || (typeof value === "object" && value !== null);
        const name = path.join(".");
        if (kept) this.#secrets.set(name, value);
        const enter = (event: Event) => this.#set(path, (event.target as HTMLInputElement).value || this.#secrets.get(name));
        return html`<input class="input mono" type="password" id=${id} autocomplete="off" .value=${kept ? "" : String(value ?? "")} placeholder=${kept ? "is set; enter another to change it" : placeholder} aria-invalid=${invalid} aria-describedby=${about} @input=${enter} />`;
      }
      case "list":
        return this.#list(schema, path, value, id, about);
      case "text": {
        const enter = (event: Event) => this.#set(path, (event.target as HTMLInputElement).value || undefined);
        return html`<input class="input" id=${id} .value=${String(value ?? "")} placeholder=${placeholder} aria-invalid=${invalid} aria-describedby=${about} @input=${enter} />`;
      }
      default:
        return this.#json(path, value, id, about);
    }
  }

  #list(schema: Schema, path: Path, value: unknown, id: string, about: string): TemplateResult {
    const items = resolve(schema.items === true ? {} : schema.items || {}, this.#root);
    if (items.type !== "string" || items.enum) return this.#json(path, value, id, about);
    const entries = Array.isArray(value) ? value.map(String) : [];
    // none is not the same as not set: who allows nobody does not allow everybody
    const change = (to: string[] | undefined) => this.#set(path, to);
    return html`<div class="items" role="group" aria-labelledby="${id}-label" aria-describedby=${about}>
      ${entries.map((entry, n) => html`<div class="row"><input class="input" id=${n === 0 ? id : nothing} aria-label="Entry ${n + 1}" .value=${entry} @input=${(event: Event) => change(entries.map((old, other) => (other === n ? (event.target as HTMLInputElement).value : old)))} /><button type="button" class="btn quiet icon-only" aria-label="Remove entry ${n + 1}" @click=${() => change(entries.filter((_, other) => other !== n))}>${icon("close")}</button></div>`)}
      <div><button type="button" class="btn small" id=${entries.length ? nothing : id} @click=${() => change([...entries, ""])}>${icon("plus")}Add</button>${Array.isArray(value) && !entries.length ? html` <span class="tiny faint">None.</span> <button type="button" class="btn small quiet" @click=${() => change(undefined)}>Use the default</button>` : nothing}</div>
    </div>`;
  }

  #json(path: Path, value: unknown, id: string, about: string): TemplateResult {
    const name = path.join(".");
    const enter = (event: Event) => {
      const text = (event.target as HTMLTextAreaElement).value.trim();
      try {
        const parsed: unknown = text === "" ? undefined : JSON.parse(text);
        this.#broken.delete(name);
        this.#set(path, parsed);
      } catch (error) {
        this.#break(path, `This is not JSON: ${(error as Error).message}`);
      }
    };
    return html`<textarea class="input mono" rows="3" spellcheck="false" id=${id} aria-invalid=${this.#broken.has(name)} aria-describedby=${about} .value=${value === undefined ? "" : JSON.stringify(value, null, 2)} @change=${enter}></textarea>`;
  }

  #break(path: Path, why: string): void {
    this.#broken.set(path.join("."), why);
    this.requestUpdate();
  }

  #set(path: Path, to: unknown): void {
    this.value = put(this.value ?? {}, path, to);
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent("edited", { detail: this.value }));
  }
}

define("oc-schema-form", SchemaForm);
