// The steps of one run, from the history and from what was heard of it. Pure.
//
// Whoever opens the page in the middle of a run hears only the rest of it; the steps before are in the history. Each step
// is in the outcome once, in the order in which both tell them.
import type { Part } from "./transcript";

type Tool = Part & { kind: "tool" };

/** `rows` are the steps by the history, of which `answered` have their result there; `heard` are those by the events. */
export function merge(rows: readonly Part[], heard: readonly Part[], answered: ReadonlySet<string>, live: boolean): Part[] {
  const merged: Part[] = [];
  let waiting: Part[] = [];
  let next = 0;
  const told = (part: Part): Part =>
    live && part.kind === "tool" && !answered.has(part.id) ? { ...part, state: "running" } : part;
  for (const part of withoutTold(rows, heard)) {
    const at = rows.findIndex((row, index) => index >= next && isSame(row, part));
    const row = rows[at];
    if (!row) {
      waiting.push(part);
      continue;
    }
    merged.push(...rows.slice(next, at).map(told), ...waiting, both(row, part, answered));
    waiting = [];
    next = at + 1;
  }
  return [...merged, ...rows.slice(next).map(told), ...waiting];
}

/** From `chat` events alone, the text of a run is one piece from its beginning: only what the history lacks is news. */
function withoutTold(rows: readonly Part[], heard: readonly Part[]): Part[] {
  return heard.flatMap((part) => {
    if (part.kind !== "text" || part.id !== WHOLE) return [part];
    let rest = part.text;
    for (const row of rows) {
      if (row.kind === "text" && rest.startsWith(row.text.trim())) rest = rest.slice(row.text.trim().length).trimStart();
    }
    return rest ? [{ ...part, text: rest }] : [];
  });
}

/** The text of a run that is known from `chat` events alone. */
export const WHOLE = "t0";

function isSame(row: Part, part: Part): boolean {
  if (row.kind === "tool") return part.kind === "tool" && part.id === row.id;
  if (row.kind === "picture" || part.kind === "picture" || part.kind === "tool" || row.kind !== part.kind) return false;
  // half of it may have been heard when the connection was lost
  const said = part.text.trim();
  return said !== "" && row.text.trim().startsWith(said);
}

/** What the history says wins; what was heard of a call adds what the history doesn't tell. */
function both(row: Part, part: Part, answered: ReadonlySet<string>): Part {
  if (row.kind !== "tool" || part.kind !== "tool") return { ...row, id: part.id };
  const call: Tool = { ...part, args: row.args ?? part.args };
  if (!answered.has(row.id)) return call;
  return { ...call, state: row.state, output: row.output, pictures: row.pictures };
}
