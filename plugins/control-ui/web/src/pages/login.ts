// The way in: a token, or what to do when the gateway wants something else.
import { html, nothing, type TemplateResult } from "lit";
import { forgetDeviceToken, forgetToken, gateway, signIn, signOut } from "../app/state";
import type { GatewayError } from "../gateway/client";
import { device } from "../gateway/device";
import { note } from "../ui/bits";
import { icon, mark } from "../ui/icons";
import { View, define } from "../ui/view";

/** Reasons that mean: enter the token. Anything that was entered before is wrong. */
const WRONG = ["AUTH_TOKEN_MISMATCH", "AUTH_PASSWORD_MISMATCH", "AUTH_UNAUTHORIZED"];
const STALE = ["AUTH_DEVICE_TOKEN_MISMATCH", "AUTH_SCOPE_MISMATCH"];

/** How often a browser that waits for its approval asks whether it is there. */
const RETRY_MS = 3_000;

export class Login extends View {
  #shown = false;
  #id = "";
  #error: GatewayError | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    device().then((own) => {
      this.#id = own.id;
      this.requestUpdate();
    }, () => undefined); // the connection says why there is none
    this.#follow();
    this.until(gateway.on("phase", () => this.#follow()));
    this.until(() => clearTimeout(this.#retry));
  }

  /** Keeps what was said while another try is under way, so that the page does not flicker. */
  #follow(): void {
    const { phase } = gateway;
    if (phase.name === "refused") this.#error = phase.error;
    if (phase.name === "refused" && WRONG.includes(phase.error.reason)) forgetToken();
    else if (phase.name === "idle") this.#error = undefined;
    clearTimeout(this.#retry);
    if (phase.name === "refused" && phase.error.code === "NOT_PAIRED" && phase.error.details.retryable === true) this.#retry = setTimeout(() => signIn(), RETRY_MS);
    this.requestUpdate();
  }

  protected override firstUpdated(): void {
    this.querySelector<HTMLInputElement>("#token")?.focus();
  }

  protected override render(): TemplateResult {
    const error = this.#error;
    return html`<main class="welcome"><div class="panel">
      <div class="stack">${mark}<div><h1>OpenClaw</h1><p class="muted">Your gateway at <span class="mono">${location.host}</span></p></div></div>
      ${error?.code === "NOT_PAIRED" ? this.#pairing(error) : this.#token(error)}
      <p class="tiny faint">The token stays in this tab and goes to no other address. Afterwards this browser has a key of its own that you can revoke under Devices.</p>
    </div></main>`;
  }

  #token(error: GatewayError | undefined): TemplateResult {
    if (error && STALE.includes(error.reason)) forgetDeviceToken();
    const busy = gateway.phase.name === "connecting";
    const wrong = error && WRONG.includes(error.reason);
    return html`<div class="card"><form class="body stack" @submit=${this.#submit}>
      ${error ? this.#why(error) : nothing}
      <div class="field">
        <label for="token">Gateway token</label>
        <div class="row">
          <input id="token" name="token" class="input mono" type=${this.#shown ? "text" : "password"} autocomplete="current-password" spellcheck="false" required aria-invalid=${wrong ? "true" : "false"} aria-describedby="token-hint" />
          <button type="button" class="btn" @click=${() => ((this.#shown = !this.#shown), this.requestUpdate())}>${this.#shown ? "Hide" : "Show"}</button>
        </div>
        <span class="hint" id="token-hint">It is in <code>gateway.auth.token</code> of your configuration. <code>openclaw dashboard</code> opens this page with it.</span>
      </div>
      <button class="btn primary large" ?disabled=${busy}>${busy ? html`<span class="spinner"></span>Connecting` : "Connect"}</button>
    </form></div>`;
  }

  #why(error: GatewayError): TemplateResult | typeof nothing {
    switch (error.reason) {
      case "AUTH_TOKEN_MISSING":
      case "AUTH_REQUIRED":
      case "AUTH_PASSWORD_MISSING":
        return nothing;
      case "AUTH_RATE_LIMITED": {
        const seconds = Math.ceil((error.retryAfterMs ?? 300_000) / 1000);
        return note("warn", `Too many wrong tries. The gateway accepts the next one in ${seconds} seconds.`);
      }
      case "CONTROL_UI_ORIGIN_NOT_ALLOWED":
        return note("bad", html`The gateway does not allow pages from <code>${location.origin}</code>. Add it to <code>gateway.controlUi.allowedOrigins</code>.`);
      default:
        return note("bad", WRONG.includes(error.reason) ? "That is not this gateway's token." : STALE.includes(error.reason) ? "This browser's key is no longer valid. Enter the token." : error.message);
    }
  }

  #pairing(error: GatewayError): TemplateResult {
    const request = typeof error.details.requestId === "string" ? error.details.requestId : "";
    return html`<div class="card"><div class="body stack">
      <div class="row">${icon("devices")}<h2>Approve this browser</h2></div>
      <p class="muted">The token is right, but the gateway does not know this browser yet. Open Devices where you are signed in already, or run this on the gateway's machine. The page goes on by itself.</p>
      <code class="chip">openclaw devices approve ${request || "<request>"}</code>
      <dl class="kv"><dt>This browser</dt><dd class="mono">${this.#id.slice(0, 16)}…</dd></dl>
      <div class="row"><button class="btn primary" @click=${() => signIn()}>Try again</button><button class="btn quiet" @click=${() => signOut()}>Use another token</button></div>
    </div></div>`;
  }

  #submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const entered = String(new FormData(event.target as HTMLFormElement).get("token") ?? "").trim();
    if (entered) signIn(entered);
  };
}

define("oc-login", Login);
