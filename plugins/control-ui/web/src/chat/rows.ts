// How the items of a conversation look.
import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { gateway } from "../app/state";
import { bytes, clock, count, span } from "../ui/bits";
import { icon, type Icon } from "../ui/icons";
import { copyText, markdown } from "../ui/markdown";
import { toast } from "../ui/toast";
import { fork, rewind } from "./branches";
import type { Conversation } from "./conversation";
import "./picture";
import type { FileNote, Item, Part, Picture } from "./transcript";

const LONGEST = 20_000;

export function row(item: Item, conversation: Conversation): TemplateResult {
  if (item.kind === "marker") return html`<div class="marker" role="separator">${item.text}</div>`;
  return item.kind === "user" ? user(item, conversation) : answer(item, conversation.key);
}

function user(item: Item & { kind: "user" }, conversation: Conversation): TemplateResult {
  const { runId } = item;
  const meta =
    item.state === "sending" ? html`<span class="spinner"></span>Sending`
    : item.state === "failed" && runId ?
      html`<span>Not sent.</span><button class="btn small" @click=${() => conversation.retry(runId)}>${icon("refresh")}Send again</button
        ><button class="btn small quiet" @click=${() => conversation.discard(runId)}>Discard</button>`
    : html`${acts(item, conversation)}${item.from ? html`<span>${item.from}</span>` : nothing}${item.at ? html`<time>${clock(item.at)}</time>` : nothing}`;
  return html`<article class="turn user ${item.state}" aria-label="You">
    ${pictures(item.pictures, conversation.key)}
    ${item.files.length ? html`<div class="pictures">${item.files.map(fileNote)}</div>` : nothing}
    ${item.text ? html`<div class="bubble" dir="auto">${item.text}</div>` : nothing}
    <div class="meta">${meta}</div>
  </article>`;
}

/** What whoever wrote it may do with it, while nothing is being answered. */
function acts({ entry, text }: Item & { kind: "user" }, conversation: Conversation): TemplateResult | typeof nothing {
  if (!entry || conversation.transcript.busy) return nothing;
  const act = (method: string, name: string, art: Icon, run: (conversation: Conversation, entry: string) => Promise<void>) =>
    gateway.has(method) ? html`<button class="btn quiet small icon-only" aria-label=${`${name}: ${text.slice(0, 60)}`} title=${name} @click=${() => run(conversation, entry)}>${icon(art)}</button>` : nothing;
  return html`${act("sessions.rewind", "Edit and ask again", "edit", rewind)}${act("sessions.fork", "New conversation from here", "branch", fork)}`;
}

const pictures = (all: Picture[], key: string) =>
  all.length ? html`<div class="pictures">${all.map((one) => html`<oc-picture .sessionKey=${key} .picture=${one}></oc-picture>`)}</div>` : nothing;

const fileNote = (file: FileNote) =>
  html`<span class="chip">${icon("clip")}<span class="clip">${file.name}</span>${file.bytes ? html`<span class="faint number">${bytes(file.bytes)}</span>` : nothing}</span>`;

function answer(item: Item & { kind: "answer" }, key: string): TemplateResult {
  const said = item.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n\n");
  const waits = item.live && item.parts.at(-1)?.kind !== "text";
  const tokens = item.usage?.totalTokens ?? (item.usage ? (item.usage.input ?? 0) + (item.usage.output ?? 0) : 0);
  return html`<article class="turn answer" aria-label="Assistant" aria-busy=${item.live}>
    ${item.parts.map((part) => keyed(part.id + part.kind, shown(part, item.live, key)))}
    ${waits ? html`<div class="status-line"><span class="typing"><i></i><i></i><i></i></span>${item.status || (item.parts.length ? "Working" : "Thinking")}</div>` : nothing}
    ${item.error ? html`<div class="note bad" role="alert">${icon("warning")}<div class="grow"><strong>The answer failed.</strong> ${item.error}</div></div>` : nothing}
    ${item.live
      ? nothing
      : html`<div class="meta">
          ${item.stopped ? html`<span class="badge warn">Stopped</span>` : nothing}
          ${item.at ? html`<time>${clock(item.at)}</time>` : nothing}
          ${item.model && !item.model.startsWith("openclaw/") ? html`<span>${item.model}</span>` : nothing}
          ${tokens ? html`<span class="number">${count(tokens)} tokens</span>` : nothing}
          ${said ? html`<button class="btn quiet small icon-only" aria-label="Copy the answer" title="Copy" @click=${() => copied(said)}>${icon("copy")}</button>` : nothing}
        </div>`}
  </article>`;
}

function shown(part: Part, live: boolean, key: string): TemplateResult | typeof nothing {
  switch (part.kind) {
    case "text":
      return markdown(part.text);
    case "thinking":
      return html`<details class="thought"><summary>${icon("chevron", "chevron")}${live ? "Thinking" : "Thought"}</summary><div class="said" dir="auto">${part.text}</div></details>`;
    case "picture":
      return pictures([part.picture], key);
    case "tool":
      return html`${tool(part)}${pictures(part.pictures, key)}`;
  }
}

function tool(part: Part & { kind: "tool" }): TemplateResult {
  const state =
    part.state === "running" ? html`<span class="spinner" role="img" aria-label="running"></span>`
    : part.state === "failed" ? html`<span class="badge bad">failed</span>`
    : html`<span class="badge good">done</span>`;
  return html`<details class="tool ${part.state}">
    <summary>
      ${icon("tool")}<span class="name">${part.name}</span><span class="clip grow faint">${part.title || brief(part.args)}</span>
      ${part.ms ? html`<span class="tiny faint number">${span(part.ms)}</span>` : nothing}${state}${icon("chevron", "chevron")}
    </summary>
    <div class="io">
      ${part.args === undefined ? nothing : html`<div class="label">Asked for</div><pre tabindex="0">${pretty(part.args)}</pre>`}
      <div class="label">${part.state === "running" ? "So far" : "Result"}</div>
      <pre tabindex="0">${part.output ? part.output.slice(0, LONGEST) : part.state === "running" ? "…" : "(nothing)"}</pre>
    </div>
  </details>`;
}

function brief(args: unknown): string {
  if (typeof args === "string") return args;
  if (!args || typeof args !== "object") return "";
  const first = Object.values(args).find((value) => typeof value === "string" || typeof value === "number");
  return first === undefined ? "" : String(first);
}

function pretty(value: unknown): string {
  return (typeof value === "string" ? value : JSON.stringify(value, null, 2)).slice(0, LONGEST);
}

async function copied(said: string): Promise<void> {
  const done = await copyText(said);
  toast(done ? { tone: "good", title: "Copied" } : { tone: "bad", title: "Copying failed", body: "Select the text and copy it by hand." });
}
