// Schedules in words, and from words. Pure.
export type Schedule = { kind: "every"; everyMs: number } | { kind: "cron"; expr: string; tz?: string } | { kind: "at"; at: string } | { kind: string; [key: string]: unknown };

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90m`, `1h 30m`, `2 d` in milliseconds. */
export function duration(text: string): number | undefined {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(min|s|m|h|d)\s*/gy)];
  if (!parts.length || parts.reduce((length, [all]) => length + all.length, 0) !== text.trim().length) return undefined;
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0), 0);
  return ms >= 1_000 ? Math.round(ms) : undefined;
}

export function inWords(schedule: Schedule): string {
  switch (schedule.kind) {
    case "every":
      return `every ${span(Number(schedule.everyMs))}`;
    case "cron":
      return `${String(schedule.expr)}${schedule.tz ? ` (${String(schedule.tz)})` : ""}`;
    case "at":
      return `once, ${new Date(String(schedule.at)).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}`;
    default:
      return schedule.kind;
  }
}

function span(ms: number): string {
  for (const [name, unit] of [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]] as const) {
    if (ms >= unit && ms % unit === 0) return ms === unit ? name : `${ms / unit} ${name}s`;
  }
  return `${ms} ms`;
}
