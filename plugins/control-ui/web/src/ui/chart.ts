// Plots: lines that move and bars by day, as SVG. Small on purpose: two shapes, one legend that tells the numbers.
import { html, nothing, svg, type TemplateResult } from "lit";
import { HEIGHT, WIDTH, ceiling, points } from "./scale";
import { View, define } from "./view";

export interface Series {
  name: string;
  values: readonly number[];
}

export class Chart extends View {
  static override properties = {
    label: { type: String },
    kind: { type: String },
    series: { attribute: false },
    times: { attribute: false },
    format: { attribute: false },
  };
  declare label: string;
  declare kind: "line" | "bar";
  declare series: readonly Series[];
  declare times: readonly string[];
  declare format: (value: number) => string;
  #at: number | undefined;

  constructor() {
    super();
    this.label = "";
    this.kind = "line";
    this.series = [];
    this.times = [];
    this.format = String;
  }

  protected override render(): TemplateResult {
    const length = Math.max(0, ...this.series.map(({ values }) => values.length));
    if (!length) return html`<div class="chart-empty small faint">Nothing measured yet</div>`;
    const at = Math.min(this.#at ?? length - 1, length - 1);
    const columns = Array.from({ length }, (_, n) => this.series.map(({ values }) => values[n] ?? 0));
    // a line keeps off the end of the axis, where the number stands
    const most = ceiling(Math.max(...columns.map((column) => (this.kind === "bar" ? column.reduce((a, b) => a + b, 0) : Math.max(...column) * 1.1))));
    const summary = `${this.label}. ${this.series.map(({ name, values }) => `${name}: last ${this.format(values.at(-1) ?? 0)}, most ${this.format(Math.max(0, ...values))}`).join("; ")}`;
    return html`<figure class="chart">
      <figcaption class="row wrap">
        <span class="label">${this.label}</span><span class="grow"></span>
        ${this.series.map(({ name, values }, n) => html`<span class="key tiny"><i class="c${n + 1}"></i>${name} <strong class="number">${this.format(values[at] ?? 0)}</strong></span>`)}
        <span class="tiny faint number when">${this.times[at] ?? ""}</span>
      </figcaption>
      <div class="plot" role="img" aria-label=${summary} @pointermove=${(event: PointerEvent) => this.#point(event, length)} @pointerleave=${() => this.#show(undefined)}>
        <span class="top tiny faint number">${this.format(most)}</span>
        <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">
          ${[0.25, 0.5, 0.75].map((part) => svg`<line class="rule" x1="0" x2=${WIDTH} y1=${HEIGHT * part} y2=${HEIGHT * part}></line>`)}
          ${this.kind === "bar" ? this.#bars(columns, most, at) : this.#lines(most, length, at)}
        </svg>
      </div>
      <div class="row between tiny faint number"><span>${length > 1 ? this.times[0] : nothing}</span><span>${this.times.at(-1) ?? ""}</span></div>
    </figure>`;
  }

  #lines(most: number, length: number, at: number): TemplateResult[] {
    const lines = this.series.map(({ values }, n) => {
      const line = points(values, most);
      return svg`${n === 0 ? svg`<polygon class="area c${n + 1}" points="0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}"></polygon>` : nothing}
        <polyline class="line c${n + 1}" points=${line}></polyline>`;
    });
    if (this.#at === undefined || length < 2) return lines;
    const x = (WIDTH * at) / (length - 1);
    return [...lines, svg`<line class="cursor" x1=${x} x2=${x} y1="0" y2=${HEIGHT}></line>`];
  }

  #bars(columns: number[][], most: number, at: number): TemplateResult[] {
    const step = WIDTH / columns.length;
    return columns.map((column, n) => {
      let top = HEIGHT;
      return svg`<g class=${this.#at === undefined || n === at ? "" : "dim"}>${column.map((value, kind) => {
        const height = (HEIGHT * value) / most;
        top -= height;
        return svg`<rect class="c${kind + 1}" x=${n * step + step * 0.14} y=${top} width=${step * 0.72} height=${height}></rect>`;
      })}</g>`;
    });
  }

  #point(event: PointerEvent, length: number): void {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const part = (event.clientX - left) / width;
    this.#show(Math.max(0, Math.min(length - 1, this.kind === "bar" ? Math.floor(part * length) : Math.round(part * (length - 1)))));
  }

  #show(at: number | undefined): void {
    if (this.#at === at) return;
    this.#at = at;
    this.requestUpdate();
  }
}

/** A line without words, for the row of a list. */
export function spark(values: readonly number[]): TemplateResult {
  const most = ceiling(Math.max(...values, 0));
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">${values.length > 1 && values.some((value) => value > 0) ? svg`<polyline class="line c1" points=${points(values, most)}></polyline>` : nothing}</svg>`;
}

define("oc-chart", Chart);
