// The gateway's log as it grows, with filters.
import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { gateway } from "../app/state";
import { empty, toggle } from "../ui/bits";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { define } from "../ui/view";
import { LEVELS, LogLines, passes, type Level, type Line, type Tail } from "./log-lines";

const SHOWN = 1_000;
const EVERY_MS = 1_500;

export class LogsPage extends Page {
  protected override readonly heading = "Logs";
  protected override readonly lead = "What the gateway says, as it says it. Secrets are hidden before they get here.";
  protected override readonly needs = ["logs.tail"];
  protected override readonly everyMs = EVERY_MS;
  protected override readonly full = true;
  readonly #log = new LogLines();
  #level: Level = "debug";
  #part = "";
  #text = "";
  #paused = false;
  #follow = true;

  protected override async load(): Promise<void> {
    if (this.#paused) return;
    const { cursor } = this.#log;
    this.#log.take(await gateway.request<Tail>("logs.tail", { ...(cursor === undefined ? {} : { cursor }), limit: 1000, maxBytes: 500_000 }));
  }

  protected override actions(): TemplateResult {
    return html`<button class="btn" @click=${() => ((this.#paused = !this.#paused), this.requestUpdate())}>${icon(this.#paused ? "play" : "pause")}${this.#paused ? "Go on" : "Pause"}</button>
      <button class="btn" @click=${this.#save}>${icon("file")}Save</button>`;
  }

  protected override body(): TemplateResult {
    const { lines: all, file } = this.#log;
    const parts = [...new Set(all.map((line) => line.part))].filter(Boolean).sort();
    const lines = all.filter((line) => passes(line, this.#level, this.#part, this.#text)).slice(-SHOWN);
    const input = (set: (value: string) => void) => (event: Event) => (set((event.target as HTMLInputElement).value), this.requestUpdate());
    return html`<div class="row wrap log-filters">
        <div class="searchbox grow">${icon("search")}<input class="input" type="search" placeholder="Filter" aria-label="Text in the line" @input=${input((value) => (this.#text = value))} /></div>
        <select class="input narrow" aria-label="Least severity" @change=${input((value) => (this.#level = value as Level))}>${LEVELS.map((level) => html`<option value=${level} ?selected=${level === this.#level}>${level} and above</option>`)}</select>
        <select class="input narrow" aria-label="Part of the gateway" @change=${input((value) => (this.#part = value))}><option value="">Everything</option>${parts.map((part) => html`<option ?selected=${part === this.#part}>${part}</option>`)}</select>
        <label class="row small">${toggle("Follow", this.#follow, (on) => ((this.#follow = on), this.requestUpdate()))}Follow</label>
      </div>
      <div class="card log-card">
        ${lines.length ? html`<div class="log-lines" role="log" aria-label="Log" aria-live="off" tabindex="0" @scroll=${this.#scrolled}>${repeat(lines, (line) => line.id, row)}</div>` : empty("logs", "Nothing to see", all.length ? "No line passes the filters." : "The gateway has said nothing yet.")}
      </div>
      <p class="tiny faint">${lines.length} of ${all.length} lines${file ? html` · <span class="mono">${file}</span>` : nothing}</p>`;
  }

  protected override updated(): void {
    const lines = this.querySelector(".log-lines");
    if (lines && this.#follow) lines.scrollTop = lines.scrollHeight;
  }

  readonly #scrolled = (event: Event): void => {
    const { scrollHeight, scrollTop, clientHeight } = event.target as HTMLElement;
    const atEnd = scrollHeight - scrollTop - clientHeight < 30;
    if (atEnd === this.#follow) return;
    this.#follow = atEnd;
    this.requestUpdate();
  };

  readonly #save = (): void => {
    const text = this.#log.lines.map(({ time, level, part, text, isHole }) => (isHole ? `… ${text}` : `${time} ${level} [${part}] ${text}`)).join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = "openclaw.log";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
}

function row({ time, level, part, text, isHole }: Line): TemplateResult {
  if (isHole) return html`<div class="log-hole">${text}</div>`;
  return html`<div class="log-line ${level}"><time class="faint">${time.slice(11, 23) || time}</time><span class="level">${level}</span><span class="part faint clip">${part}</span><span class="text">${text}</span></div>`;
}

define("oc-logs", LogsPage);
