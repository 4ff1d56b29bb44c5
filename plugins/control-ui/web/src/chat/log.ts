// The scrolling part of a conversation. It draws what can be seen, stays at the end while answers come, and stays where
// the reader is otherwise.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { icon } from "../ui/icons";
import { View, define } from "../ui/view";
import { Heights, visible, type Window } from "../ui/virtual-list";
import type { Conversation } from "./conversation";
import { row } from "./rows";
import type { Item } from "./transcript";

const GUESS = 96;
const MARGIN = 900;
/** Nearer to the end than this is at the end. */
const NEAR = 48;
/** Nearer to the beginning than this, older rows are asked for. */
const EARLY = 700;

export class Log extends View {
  static override properties = { conversation: { attribute: false } };
  declare conversation: Conversation;
  #items: Item[] = [];
  #keys: string[] = [];
  #window: Window = { first: 0, end: 0, before: 0, after: 0 };
  #heights = new Heights(GUESS);
  #atEnd = true;
  #top = 0;
  #anchor: { key: string; top: number } | undefined;
  #watched: Conversation | undefined;
  #sizes = new ResizeObserver((entries) => this.#measured(entries));
  #seen = new Set<Element>();
  readonly #change = () => this.requestUpdate();

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes.disconnect();
    this.#watched?.removeEventListener("change", this.#change);
    this.#watched = undefined;
  }

  protected override willUpdate(_: PropertyValues): void {
    if (this.#watched !== this.conversation) {
      this.#watched?.removeEventListener("change", this.#change);
      this.#watched = this.conversation;
      this.conversation.addEventListener("change", this.#change);
      this.#heights.clear();
      this.#atEnd = true;
    }
    this.#remember();
    this.#items = this.conversation.transcript.items();
    this.#keys = this.#items.map((item) => item.key);
    this.#frame();
  }

  protected override render(): TemplateResult {
    const { first, end } = this.#window;
    const one = (item: Item) => html`<div class="box" data-key=${item.key}>${row(item, this.conversation)}</div>`;
    return html`<div class="log" role="log" aria-label="Conversation" aria-live="off" tabindex="0" @scroll=${this.#scrolled}>
        <div class="rows">
          ${this.conversation.loadingOlder ? html`<div class="status-line"><span class="spinner"></span>Loading earlier messages</div>` : nothing}
          <div class="gap" data-gap="before"></div>
          ${repeat(this.#items.slice(first, end), (item) => item.key, one)}
          <div class="gap" data-gap="after"></div>
        </div>
      </div>
      ${this.#atEnd ? nothing : html`<div class="to-end"><button class="btn small below" @click=${this.toEnd}>${icon("chevron", "down")}Newest</button></div>`}`;
  }

  protected override updated(): void {
    const gap = (name: string, height: number) => {
      const element = this.querySelector<HTMLElement>(`[data-gap="${name}"]`);
      if (element) element.style.height = `${height}px`;
    };
    gap("before", this.#window.before);
    gap("after", this.#window.after);
    const boxes = new Set(this.querySelectorAll(".box"));
    for (const box of this.#seen) if (!boxes.has(box)) this.#sizes.unobserve(box);
    for (const box of boxes) if (!this.#seen.has(box)) this.#sizes.observe(box);
    this.#seen = boxes;
    this.#restore();
    this.#ask();
  }

  readonly toEnd = (): void => {
    this.#atEnd = true;
    this.requestUpdate();
    void this.updateComplete.then(() => this.#restore());
  };

  get #scroller(): HTMLElement | null {
    return this.querySelector<HTMLElement>(".log");
  }

  #frame(): boolean {
    const scroller = this.#scroller;
    const height = scroller?.clientHeight || 800;
    const total = this.#keys.reduce((sum, key) => sum + this.#heights.of(key), 0);
    const top = this.#atEnd || !scroller ? Math.max(0, total - height) : scroller.scrollTop;
    const before = this.#window;
    this.#window = visible(this.#keys, this.#heights, top, height, MARGIN);
    return before.first !== this.#window.first || before.end !== this.#window.end;
  }

  /** Which row the reader looks at, so that it stays where it is when rows come before it. */
  #remember(): void {
    const scroller = this.#scroller;
    this.#anchor = undefined;
    if (!scroller || this.#atEnd) return;
    const edge = scroller.getBoundingClientRect().top;
    for (const box of this.querySelectorAll<HTMLElement>(".box")) {
      const { top, bottom } = box.getBoundingClientRect();
      if (bottom > edge) {
        this.#anchor = { key: box.dataset.key ?? "", top: top - edge };
        return;
      }
    }
  }

  #restore(): void {
    const scroller = this.#scroller;
    if (!scroller) return;
    if (this.#atEnd) {
      scroller.scrollTop = scroller.scrollHeight;
      this.#top = scroller.scrollTop;
      return;
    }
    const anchor = this.#anchor;
    const box = anchor && [...this.querySelectorAll<HTMLElement>(".box")].find((one) => one.dataset.key === anchor.key);
    if (!anchor) return;
    if (box) {
      const off = box.getBoundingClientRect().top - scroller.getBoundingClientRect().top - anchor.top;
      if (Math.abs(off) > 1) scroller.scrollTop += off;
      return;
    }
    const at = this.#keys.indexOf(anchor.key);
    if (at < 0) return;
    scroller.scrollTop = this.#keys.slice(0, at).reduce((sum, key) => sum + this.#heights.of(key), 0) - anchor.top;
  }

  #measured(entries: ResizeObserverEntry[]): void {
    const scroller = this.#scroller;
    if (!scroller) return;
    const edge = scroller.getBoundingClientRect().top;
    let above = 0;
    for (const { target, borderBoxSize } of entries) {
      const height = borderBoxSize[0]?.blockSize ?? 0;
      if (!target.isConnected || !height) continue;
      const grown = this.#heights.measured((target as HTMLElement).dataset.key ?? "", height);
      if (target.getBoundingClientRect().bottom - grown < edge) above += grown;
    }
    if (this.#atEnd) scroller.scrollTop = scroller.scrollHeight;
    else if (above) scroller.scrollTop += above;
    if (this.#frame()) this.requestUpdate();
  }

  /** Whoever is near the beginning of what is known gets more of it. */
  #ask(): void {
    const { conversation } = this;
    const scroller = this.#scroller;
    if (scroller && scroller.scrollTop < EARLY && conversation.hasOlder && !conversation.loadingOlder) void conversation.older();
  }

  readonly #scrolled = (): void => {
    const scroller = this.#scroller;
    if (!scroller) return;
    const near = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    // rows that were measured since the last scrolling move the end away; only a reader who goes up leaves it
    const up = scroller.scrollTop < this.#top - 2;
    this.#top = scroller.scrollTop;
    const atEnd = near || (this.#atEnd && !up);
    const moved = atEnd !== this.#atEnd;
    this.#atEnd = atEnd;
    this.#ask();
    if (this.#frame() || moved) this.requestUpdate();
  };
}

define("oc-log", Log);
