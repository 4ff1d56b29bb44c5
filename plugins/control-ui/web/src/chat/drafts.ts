// What was begun in conversations and is not sent: its text outlives the page where the browser keeps it, files do not.
import type { Attachment } from "./conversation";

const DRAFT = "openclaw.control.draft.v1:";

class Drafts {
  #unkept = new Map<string, string>();
  #files = new Map<string, Attachment[]>();

  of(key: string): string {
    try {
      return this.#unkept.get(key) ?? sessionStorage.getItem(DRAFT + key) ?? "";
    } catch {
      return "";
    }
  }

  keep(key: string, text: string): void {
    this.#unkept.delete(key);
    try {
      sessionStorage.setItem(DRAFT + key, text);
    } catch {
      this.#unkept.set(key, text);
    }
  }

  /** A message to be written anew, with what goes along. */
  begin(key: string, text: string, files: Attachment[]): void {
    this.keep(key, text);
    this.#files.set(key, files);
  }

  /** Gives the files that go along, once. */
  takeFiles(key: string): Attachment[] {
    const files = this.#files.get(key) ?? [];
    this.#files.delete(key);
    return files;
  }
}

export const drafts = new Drafts();
