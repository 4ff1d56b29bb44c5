// The list of conversations, in groups. Pure.
import type { SessionRow } from "../gateway/types";

const DAY = 86_400_000;

/** Conversations by when something was said. */
export function byDay(rows: readonly SessionRow[], now: number): [string, SessionRow[]][] {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const groups = new Map<string, SessionRow[]>();
  const time = (row: SessionRow) => row.lastActivityAt ?? row.updatedAt ?? 0;
  for (const row of [...rows].sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || time(b) - time(a))) {
    const at = time(row);
    const name = row.pinned ? "Pinned" : at >= midnight ? "Today" : at >= midnight - DAY ? "Yesterday" : at >= midnight - 7 * DAY ? "This week" : "Earlier";
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return [...groups];
}

/** The words of a message without the marks of Markdown. */
export function plain(text: string): string {
  return text.replace(/```[\w-]*|`|\*\*|__|^#+\s|^>\s|^[-*]\s/gm, "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/\s+/g, " ").trim();
}
