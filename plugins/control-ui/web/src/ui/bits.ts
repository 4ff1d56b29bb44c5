// Small parts that every page uses, and how numbers and times are written.
import { html, nothing, type TemplateResult } from "lit";
import { icon, type Icon } from "./icons";

export type Tone = "good" | "warn" | "bad" | "info" | "accent" | "";

export const badge = (text: string, tone: Tone = "", dot = false) =>
  html`<span class="badge ${tone}">${dot ? html`<span class="dot ${tone}"></span>` : nothing}${text}</span>`;

export const note = (tone: Tone, body: string | TemplateResult) =>
  html`<div class="note ${tone}" role=${tone === "bad" ? "alert" : "note"}>${icon(tone === "good" ? "check" : tone === "info" || !tone ? "info" : "warning")}<div class="grow">${body}</div></div>`;

export function empty(art: Icon, title: string, body: string | TemplateResult, action: TemplateResult | typeof nothing = nothing): TemplateResult {
  return html`<div class="empty"><div class="art">${icon(art)}</div><h2>${title}</h2><p>${body}</p>${action === nothing ? nothing : html`<div class="row">${action}</div>`}</div>`;
}

export function skeletons(count = 4): TemplateResult {
  return html`<div class="card" aria-busy="true" aria-label="Loading">
    ${Array.from({ length: count }, () => html`<div class="list-item"><div class="skeleton glyph"></div><div class="stack tight grow"><div class="skeleton sk-a"></div><div class="skeleton sk-b"></div></div></div>`)}
  </div>`;
}

/** `help` is the id of what says more about it. */
export function toggle(label: string, checked: boolean, change: (on: boolean) => void, { disabled = false, help }: { disabled?: boolean; help?: string } = {}): TemplateResult {
  return html`<label class="switch"
    ><input type="checkbox" role="switch" aria-label=${label} aria-describedby=${help ?? nothing} .checked=${checked} ?disabled=${disabled} @change=${(event: Event) => change((event.target as HTMLInputElement).checked)} /><span></span
  ></label>`;
}

export function tabs<T extends string>(label: string, names: readonly (readonly [T, string])[], current: T, pick: (name: T) => void): TemplateResult {
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const at = names.findIndex(([name]) => name === current);
    const to = names[(at + step + names.length) % names.length];
    if (!to) return;
    pick(to[0]);
    const list = event.currentTarget as HTMLElement;
    requestAnimationFrame(() => list.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} @keydown=${move}>
    ${names.map(([name, text]) => html`<button role="tab" aria-selected=${name === current} tabindex=${name === current ? 0 : -1} @click=${() => pick(name)}>${text}</button>`)}
  </div>`;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, or until when. */
export function ago(ms: number | null | undefined, now = Date.now()): string {
  if (!ms) return "never";
  const gone = Math.abs(now - ms);
  const text =
    gone < MINUTE ? `${Math.max(1, Math.round(gone / 1000))} s`
    : gone < HOUR ? `${Math.round(gone / MINUTE)} min`
    : gone < DAY ? `${Math.round(gone / HOUR)} h`
    : `${Math.round(gone / DAY)} d`;
  return ms > now ? `in ${text}` : gone < 5_000 ? "just now" : `${text} ago`;
}

export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < DAY) return `${(ms / HOUR).toFixed(1)} h`;
  return `${(ms / DAY).toFixed(1)} d`;
}

export const clock = (ms: number) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
export const moment = (ms: number) => new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  let at = 0;
  let value = count;
  while (value >= 1024 && at < units.length - 1) [value, at] = [value / 1024, at + 1];
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value >= 1e6) return `${Number((value / 1e6).toFixed(value < 1e7 ? 2 : 1))} M`;
  if (value >= 1e4) return `${Number((value / 1e3).toFixed(1))} k`;
  return value.toLocaleString();
}

export const money = (value: number | null | undefined) => (value ? `$${value.toFixed(value < 0.1 ? 4 : 2)}` : "$0");
