// Which rows of a long list are drawn: those that can be seen, and some around them.
//
// Heights are measured when a row was drawn and guessed before. Pure, so that it can be tested without a page.

export interface Window {
  first: number;
  /** One after the last. */
  end: number;
  /** Height of what is not drawn before and after. */
  before: number;
  after: number;
}

export class Heights {
  readonly #known = new Map<string, number>();
  #sum = 0;
  readonly #guess: number;

  constructor(guess: number) {
    this.#guess = guess;
  }

  /** Says by how much the row has grown. */
  measured(key: string, height: number): number {
    const before = this.of(key);
    this.#sum += height - (this.#known.get(key) ?? 0);
    this.#known.set(key, height);
    return height - before;
  }

  of(key: string): number {
    return this.#known.get(key) ?? this.average;
  }

  get average(): number {
    return this.#known.size > 8 ? this.#sum / this.#known.size : this.#guess;
  }

  clear(): void {
    this.#known.clear();
    this.#sum = 0;
  }
}

/** The rows for a view of this height, scrolled by `top`. */
export function visible(keys: readonly string[], heights: Heights, top: number, height: number, margin: number): Window {
  let first = 0;
  let before = 0;
  for (; first < keys.length; first++) {
    const own = heights.of(keys[first] ?? "");
    if (before + own > top - margin) break;
    before += own;
  }
  let end = first;
  let shown = before;
  while (end < keys.length && shown < top + height + margin) shown += heights.of(keys[end++] ?? "");
  let after = 0;
  for (let at = end; at < keys.length; at++) after += heights.of(keys[at] ?? "");
  return { first, end, before, after };
}
