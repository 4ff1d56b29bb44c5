// Elements without a browser: what they would draw, as text, and the listeners in it.
import { ReactiveElement } from "lit";
import type { View } from "../src/ui/view";

type Listener = (event: object) => unknown;

interface Template {
  strings: readonly string[];
  values: readonly unknown[];
}

export interface Drawing {
  /** The markup, with a mark in the place of each listener and property. */
  text: string;
  listeners: Listener[];
}

/** An element of this class that is on a page, and draws whenever it would. */
export async function placed<T extends View>(kind: new () => T, given: Partial<T> = {}): Promise<T & { drawing(): Promise<Drawing> }> {
  const Placed = class extends (kind as unknown as new () => View) {
    static elementProperties = (kind as unknown as typeof ReactiveElement).elementProperties;
    #last: unknown;
    protected override update(changed: Map<PropertyKey, unknown>): void {
      this.#last = this.render();
      ReactiveElement.prototype["update"].call(this, changed);
    }
    async drawing(): Promise<Drawing> {
      await this.updateComplete;
      const drawing: Drawing = { text: "", listeners: [] };
      draw(this.#last, drawing);
      return drawing;
    }
  };
  define(Placed);
  const view = Object.assign(new Placed(), given) as unknown as T & { drawing(): Promise<Drawing> };
  view.connectedCallback();
  await view.drawing();
  return view;
}

let names = 0;
function define(element: new () => View): void {
  customElements.define(`test-${names++}`, element as unknown as CustomElementConstructor);
}

function draw(value: unknown, into: Drawing): void {
  const { strings, values } = (value ?? {}) as Partial<Template>;
  if (Array.isArray(value)) value.forEach((one) => draw(one, into));
  else if (strings && values) strings.forEach((text, at) => ((into.text += text), at < values.length && draw(values[at], into)));
  // directives: `keyed` draws its second value, `repeat` each of its first by its last
  else if (values) draw(values.length === 2 ? values[1] : [...(values[0] as unknown[])].map(values.at(-1) as (one: unknown, at: number) => unknown), into);
  else if (typeof value === "function") into.text += `{${into.listeners.push(value as Listener) - 1}}`;
  else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") into.text += String(value);
}

/** Calls the listener for an event of the first control in which these words stand. */
export async function fire(drawing: Drawing, event: string, words: string, given: object = {}): Promise<void> {
  const controls = drawing.text.split(/<(?=button|form|a |img|input|select|textarea|oc-)/);
  const listens = new RegExp(`@${event}=\\{(\\d+)\\}`);
  const found = controls.find((control) => listens.test(control) && control.includes(words));
  const listener = drawing.listeners[Number(listens.exec(found ?? "")?.[1])];
  if (!listener) throw new Error(`nothing takes ${event} at ${words}`);
  await listener({ preventDefault: () => undefined, ...given });
}
