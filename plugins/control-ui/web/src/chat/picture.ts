// One picture of a conversation. What the history leaves out is fetched over the connection that is signed in, so that no
// address of a picture exists that somebody else could open.
//
// Invariants: a picture is fetched once, however often its row is drawn; only formats that hold nothing but pixels are shown.
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { gateway } from "../app/state";
import { GatewayError } from "../gateway/client";
import { icon } from "../ui/icons";
import { showPicture } from "../ui/lightbox";
import { explain } from "../ui/toast";
import { View, define } from "../ui/view";
import type { Picture } from "./transcript";

/** Pictures that are kept. The oldest is fetched again if somebody scrolls back to it. */
const KEPT = 48;
const FETCH_MS = 60_000;
const PIXELS = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;

const kept = new Map<string, Promise<string>>();

interface Download {
  artifact?: { mimeType?: string };
  data?: string;
}

async function download(sessionKey: string, artifactId: string): Promise<string> {
  const got = await gateway.request<Download>("artifacts.download", { sessionKey, artifactId }, FETCH_MS);
  const type = got.artifact?.mimeType ?? "";
  if (!PIXELS.test(type) || !got.data) throw new Error("this kind of picture can't be shown here");
  const bytes = Uint8Array.from(atob(got.data), (letter) => letter.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type }));
}

function fetched(sessionKey: string, artifactId: string): Promise<string> {
  const known = kept.get(artifactId);
  if (known) return known;
  const coming = download(sessionKey, artifactId);
  kept.set(artifactId, coming);
  coming.catch(() => kept.delete(artifactId));
  if (kept.size > KEPT) {
    const [oldest, url] = kept.entries().next().value ?? [];
    if (oldest !== undefined) kept.delete(oldest);
    url?.then((address) => URL.revokeObjectURL(address)).catch(() => undefined);
  }
  return coming;
}

export class PictureView extends View {
  static override properties = { sessionKey: { attribute: false }, picture: { attribute: false } };
  declare sessionKey: string;
  declare picture: Picture;
  #src = "";
  #wrong = "";
  #artifact: string | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    // what could not be had without a connection is asked for again with one
    this.until(gateway.on("ready", () => this.#wrong && this.#fetch()));
  }

  protected override willUpdate(_: PropertyValues): void {
    const { src, artifact } = this.picture;
    if (src) this.#src = src;
    else if (artifact && artifact !== this.#artifact) this.#fetch();
  }

  protected override render(): TemplateResult {
    const { name } = this.picture;
    if (this.#src) {
      return html`<button class="shot" title="Show it larger" @click=${() => showPicture(this.#src, name)}><img src=${this.#src} alt=${name} /></button>`;
    }
    if (this.#wrong) {
      return html`<span class="chip" title=${this.#wrong}>${icon("clip")}<span class="clip">${name}</span
        >${this.picture.artifact ? html`<button class="btn small quiet" @click=${() => this.#fetch()}>Try again</button>` : nothing}</span>`;
    }
    if (!this.picture.artifact) return html`<span class="chip" title="The gateway keeps it and shows it to the model">${icon("clip")}<span class="clip">${name}</span></span>`;
    return html`<span class="shot waits" role="img" aria-label=${`${name}, loading`}><span class="spinner"></span></span>`;
  }

  #fetch(): void {
    const { artifact } = this.picture;
    if (!artifact) return;
    this.#artifact = artifact;
    this.#wrong = "";
    this.requestUpdate();
    fetched(this.sessionKey, artifact).then(
      (src) => {
        if (this.picture.artifact !== artifact) return;
        this.#src = src;
        this.requestUpdate();
      },
      (error: unknown) => {
        if (this.picture.artifact !== artifact) return;
        const unknown = error instanceof GatewayError && /^unknown method/.test(error.message);
        this.#wrong = unknown ? "This gateway keeps it and does not give it out" : explain(error);
        this.requestUpdate();
      },
    );
  }
}

define("oc-picture", PictureView);
