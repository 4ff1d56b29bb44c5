// Lines of the log file as they are shown. Pure.
export const LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

export interface Line {
  id: number;
  time: string;
  level: Level;
  part: string;
  text: string;
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
  if (LEVELS.indexOf(line.level) < LEVELS.indexOf(level)) return false;
  if (part && line.part !== part) return false;
  return !text || `${line.text} ${line.part}`.toLowerCase().includes(text.toLowerCase());
}
