// Schedules in words, and from words. Pure.
export type Schedule = { kind: "every"; everyMs: number } | { kind: "cron"; expr: string; tz?: string } | { kind: "at"; at: string } | { kind: string; [key: string]: unknown };

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/** The time zone that needs no name here. */
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const UNITS: Record<string, number> = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90m`, `1h 30m`, `2 d` in milliseconds. */
export function duration(text: string): number | undefined {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(min|s|m|h|d)\s*/gy)];
  if (!parts.length || parts.reduce((length, [all]) => length + all.length, 0) !== text.trim().length) return undefined;
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0), 0);
  return ms >= 1_000 ? Math.round(ms) : undefined;
}

/** How somebody would have entered it: what kind, and the text. */
export function asWritten(schedule: Schedule): [kind: string, text: string] {
  switch (schedule.kind) {
    case "every": {
      const ms = Number(schedule.everyMs);
      const [unit, length] = ([["d", 86_400_000], ["h", 3_600_000], ["m", 60_000]] as const).find(([, length]) => ms % length === 0) ?? ["s", 1_000];
      return ["every", `${ms / length}${unit}`];
    }
    case "cron":
      return ["cron", String(schedule.expr)];
    case "at": {
      const at = new Date(String(schedule.at));
      const two = (number: number) => String(number).padStart(2, "0");
      return ["at", `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`];
    }
    default:
      return ["every", ""];
  }
}

export function inWords(schedule: Schedule): string {
  switch (schedule.kind) {
    case "every":
      return `every ${span(Number(schedule.everyMs))}`;
    case "cron":
      return `${cron(String(schedule.expr))}${schedule.tz && schedule.tz !== HERE ? ` (${String(schedule.tz)})` : ""}`;
    case "at":
      return `once, ${new Date(String(schedule.at)).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}`;
    default:
      return schedule.kind;
  }
}

/** The expressions that people write most, in words; any other as it is. */
function cron(expr: string): string {
  const [minute = "", hour = "", date, month, weekday = ""] = expr.trim().split(/\s+/);
  const exact = /^\d+$/;
  if (!exact.test(minute) || !exact.test(hour) || month !== "*" || expr.trim().split(/\s+/).length !== 5) return expr;
  const time = `at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (date !== "*") return weekday === "*" && exact.test(date ?? "") ? `day ${date} of each month ${time}` : expr;
  if (weekday === "*") return `every day ${time}`;
  if (weekday === "1-5") return `on weekdays ${time}`;
  const name = exact.test(weekday) ? DAYS[Number(weekday) % 7] : undefined;
  return name ? `on ${name}s ${time}` : expr;
}

function span(ms: number): string {
  for (const [name, unit] of [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]] as const) {
    if (ms >= unit && ms % unit === 0) return ms === unit ? name : `${ms / unit} ${name}s`;
  }
  return `${ms} ms`;
}
