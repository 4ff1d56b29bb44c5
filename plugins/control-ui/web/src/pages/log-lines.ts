// Lines of the log as they are shown. Pure.
//
// Invariant: between two lines without a hole nothing is missing.
import { bytes } from "../ui/bits";

export const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

export interface Line {
  id: number;
  time: string;
  level: Level;
  part: string;
  text: string;
  /** It is no line of the log: it says why some are missing in its place. */
  isHole?: boolean;
}

/** What `logs.tail` answers. */
export interface Tail {
  file: string;
  cursor: number;
  lines: string[];
  /** The cursor was of another log. */
  reset?: boolean;
  /** Between the cursor and these lines there were more than were asked for. */
  truncated?: boolean;
  skippedBytes?: number;
}

const KEPT = 4_000;

/** The newest lines, over all looks at the log. */
export class LogLines {
  lines: readonly Line[] = [];
  file = "";
  cursor: number | undefined;
  #next = 0;

  take(tail: Tail): void {
    const why = this.#missing(tail);
    const hole: Line[] = why ? [{ id: this.#next++, time: "", level: "warn", part: "", text: why, isHole: true }] : [];
    this.file = tail.file;
    this.cursor = tail.cursor;
    this.lines = [...this.lines, ...hole, ...tail.lines.map((line) => parseLine(line, this.#next++))].slice(-KEPT);
  }

  #missing({ file, reset, truncated, skippedBytes }: Tail): string | undefined {
    const another = reset || (this.cursor !== undefined && file !== this.file);
    if (another) return this.lines.length ? "Another log begins here. The last lines of the one before may be missing." : undefined;
    if (truncated) return `Lines are missing here${skippedBytes ? ` (${bytes(skippedBytes)})` : ""}: more was written than is read at once.`;
    return undefined;
  }
}

/** A line of the file; one that is no JSON is shown as it is. */
export function parseLine(line: string, id: number): Line {
  try {
    const record = JSON.parse(line) as Record<string, unknown>;
    const meta = (record._meta ?? {}) as Record<string, unknown>;
    const name = String(meta.logLevelName ?? record.level ?? "info").toLowerCase();
    const level = (LEVELS as readonly string[]).includes(name) ? (name as Level) : name === "fatal" ? "error" : "info";
    return {
      id,
      time: String(record.time ?? meta.date ?? ""),
      level,
      part: subsystem(record["0"] ?? record.subsystem ?? record.target),
      text: String(record["1"] ?? record.message ?? line),
    };
  } catch {
    return { id, time: "", level: "info", part: "", text: line };
  }
}

function subsystem(value: unknown): string {
  if (typeof value !== "string") return "";
  try {
    const parsed = JSON.parse(value) as { subsystem?: unknown };
    return String(parsed.subsystem ?? "");
  } catch {
    return value;
  }
}

export function passes(line: Line, level: Level, part: string, text: string): boolean {
  if (line.isHole) return true;
  if (LEVELS.indexOf(line.level) < LEVELS.indexOf(level)) return false;
  if (part && line.part !== part) return false;
  return !text || `${line.text} ${line.part}`.toLowerCase().includes(text.toLowerCase());
}
