// Pictures that were fetched, and the addresses at which the browser has them.
//
// Invariants: a picture is fetched once for all who show it; the address of one that is shown stays good; what nobody shows
// is kept up to a number of bytes, and nothing once its reader has signed out.

export interface Held {
  readonly src: Promise<string>;
  /** It is no longer shown. */
  free(): void;
}

interface Kept {
  coming: Promise<string>;
  /** Its address, once it is there. */
  src: string;
  bytes: number;
  holders: number;
}

export class Pictures {
  /** By conversation and picture; the one that was wanted last is the last. */
  readonly #kept = new Map<string, Kept>();
  readonly #download: (sessionKey: string, artifactId: string) => Promise<Blob>;
  readonly #most: number;

  constructor(download: (sessionKey: string, artifactId: string) => Promise<Blob>, most: number) {
    this.#download = download;
    this.#most = most;
  }

  hold(sessionKey: string, artifactId: string): Held {
    const name = `${sessionKey}\n${artifactId}`;
    const one = this.#kept.get(name) ?? this.#fetch(name, this.#download(sessionKey, artifactId));
    this.#kept.delete(name);
    this.#kept.set(name, one);
    one.holders += 1;
    let isHeld = true;
    const free = () => {
      if (!isHeld) return;
      isHeld = false;
      one.holders -= 1;
      this.#tidy();
    };
    return { src: one.coming, free };
  }

  clear(): void {
    for (const { src } of this.#kept.values()) if (src) URL.revokeObjectURL(src);
    this.#kept.clear();
  }

  #fetch(name: string, blob: Promise<Blob>): Kept {
    const one: Kept = { coming: Promise.resolve(""), src: "", bytes: 0, holders: 0 };
    const isKept = () => this.#kept.get(name) === one;
    one.coming = blob.then((blob) => {
      if (!isKept()) throw new Error("who asked for it has signed out");
      one.bytes = blob.size;
      one.src = URL.createObjectURL(blob);
      this.#tidy();
      return one.src;
    });
    one.coming.catch(() => isKept() && this.#kept.delete(name));
    return one;
  }

  #tidy(): void {
    let bytes = [...this.#kept.values()].reduce((sum, one) => sum + one.bytes, 0);
    for (const [name, one] of this.#kept) {
      if (bytes <= this.#most) return;
      if (one.holders || !one.src) continue;
      bytes -= one.bytes;
      this.#kept.delete(name);
      URL.revokeObjectURL(one.src);
    }
  }
}
