// The conversations as the gateway lists them, the last used first, and what it finds among them.
//
// Invariants: what is listed was read at once, so that between two readings nothing moves out of sight; an answer to an
// earlier search changes nothing.
import type { Phase } from "../gateway/client";
import type { SessionRow } from "../gateway/types";
import { oneAtATime } from "../ui/once";
import { app, gateway, sessionTitle } from "./state";

const PAGE = 200;
/** Whoever types is not asked about each letter. */
const SEARCH_MS = 250;
const SOON_MS = 300;

interface List {
  sessions: SessionRow[];
  hasMore?: boolean;
}

/** The beginning of all conversations, or of those with a text in their names. */
class Listing {
  rows: SessionRow[] | undefined;
  hasMore = false;
  #limit = PAGE;
  readonly #search: string;

  constructor(search = "") {
    this.#search = search;
  }

  readonly read = oneAtATime(async () => {
    const asked = { limit: this.#limit, ...(this.#search ? { search: this.#search } : {}) };
    const list = await gateway
      .request<List>("sessions.list", { ...asked, includeDerivedTitles: true, includeLastMessage: true })
      .catch(() => gateway.request<List>("sessions.list", asked))
      .catch(() => undefined);
    // what can't be searched has nothing more; the list itself is asked for again
    if (!list && !this.#search) return;
    this.rows = list?.sessions ?? this.rows ?? [];
    this.hasMore = list?.hasMore ?? false;
    app.changed();
  });

  more(): Promise<void> {
    this.#limit += PAGE;
    return this.read();
  }
}

export class Sessions {
  #all = new Listing();
  #found: Listing | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  /** What is searched for. */
  search = "";

  /** Those that are listed, whatever is searched for; nothing if none was read yet. */
  get rows(): readonly SessionRow[] | undefined {
    return this.#all.rows;
  }

  /** Those with the searched text in them: among the listed ones at once, and in time what the gateway finds besides. */
  get shown(): SessionRow[] {
    const wanted = this.search.toLowerCase();
    const has = (row: SessionRow) => `${sessionTitle(row)} ${row.key} ${row.lastMessagePreview ?? ""}`.toLowerCase().includes(wanted);
    const here = (this.rows ?? []).filter((row) => !wanted || has(row));
    const keys = new Set(here.map(({ key }) => key));
    const besides = (this.#found?.rows ?? []).filter(({ key }) => !keys.has(key));
    return [...here, ...besides].filter(({ archived }) => !archived);
  }

  /** Are there more than are shown? */
  get hasMore(): boolean {
    return this.search ? (this.#found?.hasMore ?? false) : this.#all.hasMore;
  }

  /** Is the list itself longer, so that words of its conversations may be in one that is not here? */
  get isPart(): boolean {
    return this.#all.hasMore;
  }

  get isSearching(): boolean {
    return Boolean(this.search) && gateway.has("sessions.list") && !this.#found?.rows;
  }

  async refresh(): Promise<void> {
    if (gateway.has("sessions.list")) await Promise.all([this.#all.read(), this.#found?.read()]);
  }

  /** Reads it again; the longer it is, the later, for each row takes the gateway a look at its transcript. */
  refreshSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.refresh();
    }, Math.max(SOON_MS, this.rows?.length ?? 0));
  }

  async more(): Promise<void> {
    await (this.search ? this.#found : this.#all)?.more();
  }

  find(text: string): void {
    clearTimeout(this.#typing);
    this.search = text.trim();
    this.#found = undefined;
    app.changed();
    if (!this.isSearching) return;
    this.#typing = setTimeout(() => {
      this.#found = new Listing(this.search);
      void this.#found.read();
    }, SEARCH_MS);
  }

  /** It was deleted. */
  drop(key: string): void {
    for (const listing of [this.#all, this.#found]) if (listing) listing.rows = listing.rows?.filter((row) => row.key !== key);
    app.changed();
  }

  /** Whoever signs in next has others. */
  clear(): void {
    this.find("");
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#all = new Listing();
  }
}

export const sessions = new Sessions();
gateway.on<Phase>("phase", ({ name }) => name === "idle" && sessions.clear());
