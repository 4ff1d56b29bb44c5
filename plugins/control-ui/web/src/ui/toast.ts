// Short messages at the edge of the page: what happened, and what to do next.
import { html, render } from "lit";
import { GatewayError } from "../gateway/client";
import { icon } from "./icons";

export interface Toast {
  tone: "good" | "bad" | "info";
  title: string;
  body?: string;
  action?: { label: string; run(): void };
}

const SHOWN_MS = 6_000;
const MOST = 4;
let shown: (Toast & { id: number })[] = [];
let next = 1;

export function toast(message: Toast): void {
  const id = next++;
  shown = [...shown.slice(1 - MOST), { ...message, id }];
  draw();
  // what went wrong stays until it was read
  if (message.tone !== "bad") setTimeout(() => dismiss(id), SHOWN_MS);
}

/** Says what failed, why, and what to do. */
export function failed(what: string, error: unknown): void {
  toast({ tone: "bad", title: what, body: explain(error) });
}

export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof GatewayError) {
    const missing = error.details.missingScope;
    if (typeof missing === "string") return `This browser lacks the right ${missing}. Sign in with the gateway's token.`;
    if (error.isLost) return `${sentence(error.message)} The page reconnects by itself; then try again.`;
  }
  return sentence(error.message);
}

export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

function dismiss(id: number): void {
  shown = shown.filter((one) => one.id !== id);
  draw();
}

function draw(): void {
  let host = document.getElementById("toasts");
  if (!host) {
    host = document.createElement("div");
    host.id = "toasts";
    host.className = "toasts";
    host.setAttribute("role", "region");
    host.setAttribute("aria-label", "Messages");
    document.body.append(host);
  }
  const one = ({ id, tone, title, body, action }: Toast & { id: number }) => html`
    <div class="toast ${tone}" role=${tone === "bad" ? "alert" : "status"}>
      ${icon(tone === "good" ? "check" : tone === "bad" ? "warning" : "info")}
      <div class="grow">
        <strong>${title}</strong>
        ${body ? html`<p>${body}</p>` : ""}
        ${action ? html`<button class="btn small" @click=${() => (dismiss(id), action.run())}>${action.label}</button>` : ""}
      </div>
      <button class="btn quiet small icon-only" aria-label="Dismiss" @click=${() => dismiss(id)}>${icon("close")}</button>
    </div>`;
  render(html`${shown.map(one)}`, host);
}
