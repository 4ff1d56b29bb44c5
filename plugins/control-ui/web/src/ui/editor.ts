// A text editor for configuration and Markdown. The editor itself is loaded when it is first shown; it lives in a shadow
// root, where its styles need no exception of the page's policy.
import { define } from "./view";

export class Editor extends HTMLElement {
  language: "json" | "text" = "json";
  label = "Text";
  #text = "";
  #view: { state: { doc: { toString(): string } }; dispatch(change: object): void; destroy(): void; focus(): void } | undefined;
  #area: HTMLTextAreaElement | undefined;

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    if (this.#area || this.#view) return;
    const area = document.createElement("textarea");
    area.setAttribute("aria-label", this.label);
    area.value = this.#text;
    area.addEventListener("input", () => this.#typed(area.value));
    root.append(area);
    this.#area = area;
    void this.#load(root);
  }

  disconnectedCallback(): void {
    this.#view?.destroy();
    this.#view = undefined;
    this.#area?.remove();
    this.#area = undefined;
  }

  get value(): string {
    return this.#view?.state.doc.toString() ?? this.#text;
  }

  set value(text: string) {
    if (text === this.value) return;
    this.#text = text;
    if (this.#area) this.#area.value = text;
    this.#view?.dispatch({ changes: { from: 0, to: this.#view.state.doc.toString().length, insert: text } });
  }

  override focus(): void {
    (this.#view ?? this.#area)?.focus();
  }

  async #load(root: ShadowRoot): Promise<void> {
    const { makeEditor } = await import("./editor-view");
    if (!this.isConnected || !this.#area) return;
    const area = this.#area;
    // whoever has begun to write goes on where the cursor is
    const focused = root.activeElement === area;
    this.#area = undefined;
    this.#view = makeEditor(root, area.value, this.language, this.label, (text) => this.#typed(text));
    if (focused) {
      this.#view.dispatch({ selection: { anchor: area.selectionStart } });
      this.#view.focus();
    }
    area.remove();
  }

  #typed(text: string): void {
    this.#text = text;
    this.dispatchEvent(new CustomEvent("edited", { detail: text }));
  }
}

define("oc-editor", Editor);
