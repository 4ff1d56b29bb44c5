// What was used, day by day. Pure.
export interface Day {
  date: string;
  input?: number;
  output?: number;
  cacheRead?: number;
  cacheWrite?: number;
  totalTokens?: number;
  totalCost?: number;
}

/** Every day of the range, also those on which nothing was used. */
export function everyDay(days: readonly Day[], length: number, today: Date): Day[] {
  const known = new Map(days.map((day) => [day.date, day]));
  return Array.from({ length }, (_, n) => {
    const at = new Date(Date.UTC(today.getFullYear(), today.getMonth(), today.getDate() - (length - 1 - n)));
    const date = at.toISOString().slice(0, 10);
    return known.get(date) ?? { date };
  });
}
