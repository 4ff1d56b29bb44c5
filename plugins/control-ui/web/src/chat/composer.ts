// Where messages are written: grows with the text, completes commands, takes files that are pasted or dropped.
import { html, nothing, type TemplateResult } from "lit";
import { app, gateway } from "../app/state";
import { bytes } from "../ui/bits";
import { icon } from "../ui/icons";
import { failed, toast } from "../ui/toast";
import { View, define } from "../ui/view";
import { MAX_FILES, tooMuch } from "./attaching";
import { suggestions } from "./commands";
import type { Attachment, Conversation } from "./conversation";
import { drafts } from "./drafts";

export class Composer extends View {
  static override properties = { conversation: { attribute: false }, busy: { type: Boolean } };
  declare conversation: Conversation;
  declare busy: boolean;
  #files: Attachment[] = [];
  #over = false;
  #at = 0;
  #closed = "";
  #text = "";
  #key = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(app.watch(() => this.requestUpdate()));
  }

  get #area(): HTMLTextAreaElement | null {
    return this.querySelector("textarea");
  }

  override focus(): void {
    this.#area?.focus();
  }

  /** Puts text in, for somebody who picked a suggestion. */
  write(text: string): void {
    this.#text = text;
    this.requestUpdate();
    void this.updateComplete.then(() => this.focus());
  }

  protected override willUpdate(): void {
    if (this.#key === this.conversation.key) return;
    this.#key = this.conversation.key;
    this.#read();
  }

  #read(): void {
    this.#files = drafts.takeFiles(this.#key);
    this.#text = drafts.of(this.#key);
  }

  /** Takes up what was put into the draft. */
  reread(): void {
    this.#read();
    this.requestUpdate();
    void this.updateComplete.then(() => this.focus());
  }

  protected override render(): TemplateResult {
    const offered = this.#closed === this.#text ? [] : suggestions(this.#text, this.conversation.commands);
    this.#at = Math.min(this.#at, Math.max(0, offered.length - 1));
    const can = gateway.has("chat.send");
    const ready = Boolean(this.#text.trim() || this.#files.length) && can;
    const stop = this.busy && gateway.has("chat.abort");
    return html`<div class="composer">
      <form class=${this.#over ? "over" : ""} @submit=${this.#submit} @dragover=${this.#drag} @dragleave=${() => this.#hover(false)} @drop=${this.#drop}>
        ${offered.length ? this.#menu(offered) : nothing}
        ${this.#files.length ? html`<div class="attached">${this.#files.map(this.#file)}</div>` : nothing}
        <label class="sr" for="message">Message</label>
        <textarea id="message" rows="1" dir="auto" placeholder=${can ? "Write a message, or / for commands" : "This gateway does not offer chat"} ?disabled=${!can}
          .value=${this.#text} aria-autocomplete="list" aria-controls="commands" aria-expanded=${offered.length > 0} aria-activedescendant=${offered.length ? `command-${this.#at}` : nothing} role="combobox"
          @input=${this.#input} @keydown=${(event: KeyboardEvent) => this.#press(event, offered)} @paste=${this.#paste}></textarea>
        <div class="bar">
          <input type="file" id="files" multiple hidden @change=${this.#chosen} />
          <button type="button" class="btn quiet icon-only" aria-label="Attach files" title="Attach files" @click=${() => this.querySelector<HTMLInputElement>("#files")?.click()}>${icon("clip")}</button>
          <span class="grow"></span>
          ${stop ? html`<button type="button" class="btn send" aria-label="Stop" title="Stop (Esc)" @click=${this.#stop}>${icon("stop")}</button>` : nothing}
          ${stop && !ready ? nothing : html`<button class="btn primary send" aria-label="Send" title="Send (Enter)" ?disabled=${!ready}>${icon("send")}</button>`}
        </div>
      </form>
    </div>`;
  }

  protected override updated(): void {
    // browsers without `field-sizing`
    const area = this.#area;
    if (!area || CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }

  #menu(offered: { name: string; description: string }[]): TemplateResult {
    return html`<ul class="suggest" id="commands" role="listbox" aria-label="Commands">
      ${offered.map(({ name, description }, at) => html`<li id="command-${at}" role="option" aria-selected=${at === this.#at} @mousedown=${(event: Event) => (event.preventDefault(), this.#pick(name))}><code>${name}</code><span class="clip muted">${description}</span></li>`)}
    </ul>`;
  }

  readonly #file = (file: Attachment, at: number): TemplateResult => html`<figure>
    ${file.preview ? html`<img src=${file.preview} alt="" />` : icon("file")}
    <figcaption class="clip"><div class="clip">${file.name}</div><div class="faint">${bytes(file.bytes)}</div></figcaption>
    <button type="button" class="btn quiet small icon-only" aria-label="Remove ${file.name}" @click=${() => ((this.#files = this.#files.filter((_, other) => other !== at)), this.requestUpdate())}>${icon("close")}</button>
  </figure>`;

  readonly #input = (event: InputEvent): void => {
    this.#set((event.target as HTMLTextAreaElement).value);
  };

  #set(text: string): void {
    this.#text = text;
    this.#closed = "";
    drafts.keep(this.#key, text);
    this.requestUpdate();
  }

  #pick(name: string): void {
    this.#set(`${name} `);
    this.focus();
  }

  #press(event: KeyboardEvent, offered: { name: string }[]): void {
    const chosen = offered[this.#at];
    if (chosen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.#at = (this.#at + (event.key === "ArrowDown" ? 1 : -1) + offered.length) % offered.length;
      this.requestUpdate();
      void this.updateComplete.then(() => this.querySelector('[role="option"][aria-selected="true"]')?.scrollIntoView({ block: "nearest" }));
    } else if (chosen && (event.key === "Tab" || (event.key === "Enter" && chosen.name !== this.#text))) {
      event.preventDefault();
      this.#pick(chosen.name);
    } else if (event.key === "Escape") {
      if (offered.length) this.#closed = this.#text;
      else if (this.busy) void this.#stop();
      this.requestUpdate();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      // on a touch keyboard Enter is a new line: there is no Shift
      if (matchMedia("(pointer: coarse)").matches && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.querySelector("form")?.requestSubmit();
    }
  }

  readonly #submit = (event: Event): void => {
    event.preventDefault();
    const message = this.#text.trim();
    if (!message && !this.#files.length) return;
    this.conversation.send(message, this.#files);
    this.#files = [];
    this.#set("");
    this.dispatchEvent(new Event("sent"));
  };

  readonly #stop = async (): Promise<void> => {
    await this.conversation.stop().catch((error) => failed("The answer could not be stopped", error));
  };

  readonly #chosen = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    void this.#add([...(input.files ?? [])]);
    input.value = "";
  };

  readonly #paste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    void this.#add(files);
  };

  readonly #drag = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.#hover(true);
  };

  readonly #drop = (event: DragEvent): void => {
    event.preventDefault();
    this.#hover(false);
    void this.#add([...(event.dataTransfer?.files ?? [])]);
  };

  #hover(over: boolean): void {
    this.#over = over;
    this.requestUpdate();
  }

  async #add(files: File[]): Promise<void> {
    const key = this.#key;
    const policy = gateway.hello?.policy;
    for (const file of files) {
      const wrong = tooMuch(this.#files, file, { file: policy?.attachments?.maxBytes, message: policy?.maxPayload });
      if (wrong) {
        toast({ tone: "bad", ...wrong });
        if (this.#files.length >= MAX_FILES) break;
        continue;
      }
      const url = await dataUrl(file).catch((error: unknown) => void failed(`${file.name} could not be read`, error));
      // whoever has gone to another conversation meanwhile did not mean that one
      if (this.#key !== key) return;
      if (url === undefined) continue;
      const attachment: Attachment = {
        name: file.name || "pasted.png",
        mimeType: file.type || "application/octet-stream",
        bytes: file.size,
        content: url.slice(url.indexOf(",") + 1),
      };
      if (/^image\/(png|jpe?g|gif|webp)$/.test(file.type)) attachment.preview = url;
      this.#files = [...this.#files, attachment];
    }
    this.requestUpdate();
  }
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

define("oc-composer", Composer);
