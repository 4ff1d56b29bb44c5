// Signing in to a platform by a code that a phone reads.
import { html, render, svg, type TemplateResult } from "lit";
import { encode } from "uqr";
import { gateway } from "../app/state";
import { note } from "../ui/bits";
import { explain } from "../ui/toast";

interface Answer {
  qrDataUrl?: string;
  qr?: string;
  code?: string;
  message?: string;
  connected?: boolean;
}

const WAIT_MS = 60_000;

/** Shows codes until the phone has read one; says whether it did. */
export function qrLogin(channel: string, accountId: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "qr-title");
    let open = true;
    const close = (done: boolean) => {
      if (!open) return;
      open = false;
      dialog.close();
      dialog.remove();
      resolve(done);
    };
    const show = (body: TemplateResult) =>
      render(html`<div class="head"><h2 id="qr-title">Sign in by code</h2></div><div class="body stack" aria-live="polite">${body}</div><div class="foot"><button class="btn" @click=${() => close(false)}>Cancel</button></div>`, dialog);
    dialog.addEventListener("cancel", () => close(false));
    show(html`<div class="row"><span class="spinner"></span>Asking for a code</div>`);
    document.body.append(dialog);
    dialog.showModal();
    void run().catch((error) => open && show(note("bad", explain(error))));

    async function run(): Promise<void> {
      let answer = await gateway.request<Answer>("web.login.start", { channel, accountId, force: true }, WAIT_MS);
      while (open && !answer.connected) {
        show(html`${picture(answer)}<p class="muted">${answer.message ?? "On your phone open the app's list of linked devices, and read this code."}</p>`);
        answer = { ...answer, ...(await gateway.request<Answer>("web.login.wait", { channel, accountId, timeoutMs: WAIT_MS, ...(answer.qrDataUrl ? { currentQrDataUrl: answer.qrDataUrl } : {}) }, WAIT_MS + 10_000)) };
      }
      close(Boolean(answer.connected));
    }
  });
}

function picture(answer: Answer): TemplateResult {
  if (answer.qrDataUrl?.startsWith("data:image/")) return html`<img class="qr" src=${answer.qrDataUrl} alt="The code to read" />`;
  const text = answer.qr ?? answer.code;
  if (!text) return html`<span class="spinner"></span>`;
  const { data, size } = encode(text, { border: 0 });
  const path = data.flatMap((line, y) => line.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return html`<svg class="qr" viewBox="0 0 ${size} ${size}" role="img" aria-label="The code to read" shape-rendering="crispEdges">${svg`<path d=${path}></path>`}</svg>`;
}
