// A page that shows what a method of the gateway answers: asks at the start and again after each new connection, shows
// that it loads, that it failed, or that this gateway doesn't offer it. It asks once at a time: an answer that comes late
// neither overtakes a newer one nor is taken twice. Whoever was on something that is gone afterwards, like a decision that is
// taken, is at its heading.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { gateway } from "../app/state";
import { GatewayError } from "../gateway/client";
import { empty, note, skeletons } from "./bits";
import { icon } from "./icons";
import { oneAtATime } from "./once";
import { explain, failed } from "./toast";
import { View } from "./view";

export abstract class Page extends View {
  protected abstract readonly heading: string;
  protected readonly lead: string = "";
  /** Methods without which the page has nothing to show. */
  protected readonly needs: readonly string[] = [];
  /** Events after which it asks again. */
  protected readonly follows: readonly string[] = [];
  /** It asks again after this many milliseconds while it is looked at. */
  protected readonly everyMs: number = 0;
  protected readonly full: boolean = false;
  #loaded = false;
  #problem = "";
  #busy = new Set<string>();

  protected abstract load(): Promise<void>;
  protected abstract body(): TemplateResult;

  protected actions(): TemplateResult | typeof nothing {
    return nothing;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // events that were missed may be among those that it follows
    for (const event of ["ready", "gap"]) this.until(gateway.on(event, () => void this.reload()));
    for (const event of this.follows) this.until(gateway.on(event, () => void this.reload()));
    if (this.everyMs) {
      const timer = setInterval(() => document.visibilityState === "visible" && gateway.phase.name === "ready" && void this.reload(), this.everyMs);
      this.until(() => clearInterval(timer));
    }
    void this.reload();
  }

  protected readonly reload = oneAtATime(() => this.#read());

  async #read(): Promise<void> {
    if (gateway.phase.name !== "ready" || this.missing().length) return;
    try {
      await this.load();
      this.#loaded = true;
      this.#problem = "";
    } catch (error) {
      if (!(error instanceof GatewayError && error.isLost)) this.#problem = explain(error);
    }
    this.requestUpdate();
  }

  protected missing(): string[] {
    return this.needs.filter((method) => !gateway.has(method));
  }

  /** Does something that may fail, once at a time. */
  protected async act(what: string, work: () => Promise<unknown>): Promise<boolean> {
    if (this.#busy.has(what)) return false;
    this.#busy.add(what);
    this.requestUpdate();
    try {
      await work();
      return true;
    } catch (error) {
      failed(what, error);
      return false;
    } finally {
      this.#busy.delete(what);
      this.requestUpdate();
    }
  }

  protected busy(what: string): boolean {
    return this.#busy.has(what);
  }

  protected override update(changed: PropertyValues): void {
    const isHere = this.contains(document.activeElement);
    super.update(changed);
    if (!isHere) return;
    // a phone shows the heading above the page
    for (const to of [this.querySelector<HTMLElement>("h1"), this.closest<HTMLElement>("main")]) {
      if (document.activeElement === document.body) to?.focus({ preventScroll: true });
    }
  }

  protected override render(): TemplateResult {
    return html`<div class="page"><div class="inner ${this.full ? "full" : ""}">
      <header class="page-head"><div class="grow"><h1 tabindex="-1">${this.heading}</h1>${this.lead ? html`<p>${this.lead}</p>` : nothing}</div><div class="row wrap">${this.missing().length ? nothing : this.actions()}</div></header>
      ${this.#content()}
    </div></div>`;
  }

  #content(): TemplateResult {
    const missing = this.missing();
    if (missing.length) return html`<div class="card">${empty("info", "Not offered by this gateway", html`This page needs ${list(missing)}, which the gateway at <span class="mono">${location.host}</span> does not have. A newer version may.`)}</div>`;
    const again = html`<button class="btn small" @click=${() => this.reload()}>${icon("refresh")}Try again</button>`;
    if (this.#problem && !this.#loaded) return html`${note("bad", html`<strong>This could not be loaded.</strong> ${this.#problem} ${again}`)}`;
    if (!this.#loaded) return skeletons();
    return html`${this.#problem ? note("warn", html`What you see may be old: ${this.#problem}`) : nothing}${this.body()}`;
  }
}

function list(methods: readonly string[]): TemplateResult {
  return html`${methods.map((method, at) => html`${at ? ", " : ""}<code>${method}</code>`)}`;
}
