// What every element of the page shares. Elements render into the page itself, so that one style sheet and one tree of
// labels serve them all.
import { LitElement } from "lit";

export abstract class View extends LitElement {
  #undo: (() => void)[] = [];

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Something that ends when the element leaves the page. */
  protected until(undo: () => void): void {
    this.#undo.push(undo);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const undo of this.#undo.splice(0)) undo();
  }
}

/** Declares an element once, also when a module is loaded twice. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
