// Which lines differ between two texts. Pure.
export interface Change {
  kind: "same" | "add" | "del";
  line: string;
}

/** More differences than this are shown as: all of it is new. */
const MOST = 400;

/** The shortest way from one text to the other (Myers). */
export function diff(from: string, to: string): Change[] {
  const a = from.split("\n");
  const b = to.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let tail = 0;
  while (tail < a.length - start && tail < b.length - start && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (line: string): Change => ({ kind: "same", line });
  return [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - tail), b.slice(start, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

function middle(a: string[], b: string[]): Change[] {
  const limit = Math.min(a.length + b.length, MOST);
  let reached = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let cost = 0; cost <= limit; cost++) {
    trace.push(new Map(reached));
    for (let k = -cost; k <= cost; k += 2) {
      const down = k === -cost || (k !== cost && (reached.get(k - 1) ?? -1) < (reached.get(k + 1) ?? -1));
      let x = down ? (reached.get(k + 1) ?? 0) : (reached.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reached.set(k, x);
      if (x >= a.length && x - k >= b.length) return walk(a, b, trace);
    }
    reached = new Map(reached);
  }
  return [...a.map((line): Change => ({ kind: "del", line })), ...b.map((line): Change => ({ kind: "add", line }))];
}

function walk(a: string[], b: string[], trace: Map<number, number>[]): Change[] {
  const changes: Change[] = [];
  let x = a.length;
  let y = b.length;
  for (let cost = trace.length - 1; cost >= 0; cost--) {
    const reached = trace[cost] ?? new Map<number, number>();
    const k = x - y;
    const down = k === -cost || (k !== cost && (reached.get(k - 1) ?? -1) < (reached.get(k + 1) ?? -1));
    const before = down ? k + 1 : k - 1;
    const fromX = cost === 0 ? 0 : (reached.get(before) ?? 0);
    const fromY = cost === 0 ? 0 : fromX - before;
    while (x > fromX && y > fromY) changes.push({ kind: "same", line: a[--x] ?? "" }), y--;
    if (cost === 0) break;
    if (x > fromX) changes.push({ kind: "del", line: a[--x] ?? "" });
    else if (y > fromY) changes.push({ kind: "add", line: b[--y] ?? "" });
  }
  return changes.reverse();
}

/** The changes with a few lines around each; how many lines are left out stands between them. */
export function hunks(changes: readonly Change[], around = 3): (Change | number)[] {
  const near = new Set<number>();
  changes.forEach(({ kind }, at) => {
    if (kind !== "same") for (let n = at - around; n <= at + around; n++) near.add(n);
  });
  const shown: (Change | number)[] = [];
  let left = 0;
  changes.forEach((change, at) => {
    if (!near.has(at)) {
      left++;
      return;
    }
    if (left) shown.push(left);
    left = 0;
    shown.push(change);
  });
  if (left) shown.push(left);
  return shown;
}
