// One picture of a conversation. What the history leaves out is fetched over the connection that is signed in, so that no
// address of a picture exists that somebody else could open.
//
// Invariant: only formats that hold nothing but pixels are shown.
import { html, nothing, type TemplateResult } from "lit";
import { gateway } from "../app/state";
import { GatewayError, type Phase } from "../gateway/client";
import { icon } from "../ui/icons";
import { showPicture } from "../ui/lightbox";
import { explain } from "../ui/toast";
import { View, define } from "../ui/view";
import { Pictures, type Held } from "./pictures";
import type { Picture } from "./transcript";

/** Bytes of pictures that are kept. The oldest is fetched again if somebody scrolls back to it. */
const KEPT_BYTES = 64 * 2 ** 20;
const FETCH_MS = 60_000;
const PIXELS = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;

interface Download {
  artifact?: { mimeType?: string };
  data?: string;
}

async function download(sessionKey: string, artifactId: string): Promise<Blob> {
  const got = await gateway.request<Download>("artifacts.download", { sessionKey, artifactId }, FETCH_MS);
  const type = got.artifact?.mimeType ?? "";
  if (!PIXELS.test(type) || !got.data) throw new Error("this kind of picture can't be shown here");
  const bytes = Uint8Array.from(atob(got.data), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type });
}

const pictures = new Pictures(download, KEPT_BYTES);
gateway.on<Phase>("phase", ({ name }) => name === "idle" && pictures.clear());

export class PictureView extends View {
  static override properties = { sessionKey: { attribute: false }, picture: { attribute: false } };
  declare sessionKey: string;
  declare picture: Picture;
  #src = "";
  #wrong = "";
  /** The browser has it, and can't make a picture of it. */
  #isBroken = false;
  /** What is shown, or will be. */
  #wanted = "";
  #held: Held | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    // what could not be had without a connection is asked for again with one
    this.until(gateway.on("ready", () => this.#wrong && !this.#isBroken && this.#fetch()));
    this.until(() => this.#forget());
    this.requestUpdate();
  }

  protected override willUpdate(): void {
    const { src, artifact } = this.picture;
    const wanted = src || (artifact ? `${this.sessionKey}\n${artifact}` : "");
    if (wanted === this.#wanted) return;
    // what came whole with its run has only a name in the history: it is shown until it is fetched
    const same = this.#held || !artifact ? "" : this.#src;
    this.#forget();
    this.#wanted = wanted;
    this.#src = src || same;
    if (!src) this.#fetch();
  }

  protected override render(): TemplateResult {
    const { name, artifact } = this.picture;
    if (this.#src) {
      return html`<button class="shot" title="Show it larger" @click=${this.#enlarge}><img src=${this.#src} alt=${name} @error=${this.#broken} /></button>`;
    }
    if (this.#wrong) {
      return html`<span class="chip" title=${this.#wrong}>${icon("clip")}<span class="clip">${name}</span
        >${artifact && !this.#isBroken ? html`<button class="btn small quiet" @click=${() => this.#fetch()}>Try again</button>` : nothing}</span>`;
    }
    if (!artifact) return html`<span class="chip" title="The gateway keeps it and shows it to the model">${icon("clip")}<span class="clip">${name}</span></span>`;
    return html`<span class="shot waits" role="img" aria-label=${`${name}, loading`}><span class="spinner"></span></span>`;
  }

  #forget(): void {
    this.#held?.free();
    this.#held = undefined;
    this.#wanted = this.#src = this.#wrong = "";
    this.#isBroken = false;
  }

  #fetch(): void {
    const { artifact } = this.picture;
    if (!artifact) return;
    this.#held?.free();
    const held = pictures.hold(this.sessionKey, artifact);
    this.#held = held;
    this.#wrong = "";
    this.requestUpdate();
    held.src.then(
      (src) => {
        if (this.#held !== held) return;
        this.#src = src;
        this.requestUpdate();
      },
      (error: unknown) => {
        if (this.#held !== held) return;
        const unknown = error instanceof GatewayError && /^unknown method/.test(error.message);
        this.#wrong = unknown ? "This gateway keeps it and does not give it out" : explain(error);
        this.requestUpdate();
      },
    );
  }

  readonly #enlarge = (): void => {
    const { name, artifact } = this.picture;
    // its row may go out of sight meanwhile
    const held = artifact && this.#held ? pictures.hold(this.sessionKey, artifact) : undefined;
    void showPicture(this.#src, name).then(() => held?.free());
  };

  readonly #broken = (): void => {
    this.#src = "";
    this.#wrong = "The browser can't show this picture.";
    this.#isBroken = true;
    this.requestUpdate();
  };
}

define("oc-picture", PictureView);
