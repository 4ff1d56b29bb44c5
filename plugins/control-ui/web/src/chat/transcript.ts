// A conversation as it is shown: the rows of the history, what is being said just now, and what was sent and is not in
// the history yet. Pure: no page, no connection, no clock of its own.
//
// Invariants: nothing is shown twice, whether it came as an event or as a row; what the history says wins over what the
// events said; a message that somebody wrote stays visible until the history has it.
import type { AgentEvent, Block, ChatEvent, Message, Usage } from "../gateway/types";
import { WHOLE, merge } from "./merge";

export type ToolState = "running" | "done" | "failed";
export interface Picture {
  /** Empty if the history left it out. */
  src: string;
  name: string;
  /** By what the gateway gives it out, if it does. */
  artifact?: string;
}

/** A file that went along and is no picture that is shown. */
export interface FileNote {
  name: string;
  bytes?: number;
}

export type Part =
  | { kind: "text"; id: string; text: string }
  | { kind: "thinking"; id: string; text: string }
  | { kind: "tool"; id: string; name: string; title: string; args: unknown; state: ToolState; output: string; pictures: Picture[]; ms?: number }
  | { kind: "picture"; id: string; picture: Picture };

export type Item =
  | { kind: "user"; key: string; text: string; pictures: Picture[]; files: FileNote[]; at: number; state: "sent" | "sending" | "failed"; runId?: string; from?: string; entry?: string }
  | { kind: "answer"; key: string; parts: Part[]; at: number; live: boolean; status?: string; stopped?: boolean; error?: string; model?: string; usage?: Usage; runId?: string }
  | { kind: "marker"; key: string; text: string; at: number };

interface Run {
  id: string;
  at: number;
  parts: Part[];
  status: string;
  byStream: boolean;
  ended?: { how: "final" | "aborted" | "error"; at: number; error?: string };
}

interface Sent {
  runId: string;
  text: string;
  pictures: Picture[];
  files: FileNote[];
  at: number;
  state: "sending" | "sent" | "failed";
}

/** Channels that are no platform: clients of the gateway, as this page is. */
const OWN = new Set(["gateway", "webchat", "clients", "client"]);
/** Sent pictures that are remembered, so that nobody fetches what this browser has. */
const REMEMBERED = 40;

const PHASES: Record<string, string> = {
  preparing_workspace: "Preparing",
  preparing_context: "Reading the conversation",
  starting_model: "Asking the model",
};

export class Transcript {
  #rows: Message[] = [];
  #settled: Item[] | undefined;
  #runs = new Map<string, Run>();
  #sent = new Map<string, Sent>();
  #pictures = new Map<string, Picture[]>();
  /** Runs that have ended: an answer may be there before the sending is confirmed. */
  #over = new Set<string>();
  /** The last row that was read; rows that came as events may have others before them. */
  #read = 0;
  /** When rows came as events. */
  #came = new Map<string, number>();
  total = 0;

  /** Rows that the history has, oldest first. */
  get rows(): readonly Message[] {
    return this.#rows;
  }

  get busy(): boolean {
    return [...this.#runs.values()].some((run) => !run.ended);
  }

  get activeRuns(): string[] {
    return [...this.#runs.values()].filter((run) => !run.ended).map((run) => run.id);
  }

  /** What was read is no longer the past: it is read again. What is being said, or was not sent, stays. */
  recast(): void {
    this.#rows = [];
    this.#came.clear();
    this.#settled = undefined;
    this.#read = 0;
    this.total = 0;
    for (const run of [...this.#runs.values()]) if (run.ended) this.#runs.delete(run.id);
    for (const sent of [...this.#sent.values()]) if (sent.state === "sent" && !this.#runs.has(sent.runId)) this.#sent.delete(sent.runId);
  }

  /** The newest rows, as they were when `askedAt` was. Says whether they join those that were known: if not, rows between
      the two are not known, and all before these have to be read again. */
  newest(rows: readonly Message[], askedAt: number, total = rows.length): boolean {
    const from = rows[0] ? order(rows[0]) : 0;
    const joins = from > 0 && this.#read >= from;
    const older = joins ? this.#rows.filter((row) => order(row) < from) : [];
    const has = new Set(rows.map(identity));
    // what came while the history was read is newer than it
    const newer = this.#rows.filter((row) => !has.has(identity(row)) && (this.#came.get(identity(row)) ?? -1) >= askedAt);
    this.#came = new Map(newer.map((row) => [identity(row), this.#came.get(identity(row)) ?? askedAt]));
    this.#rows = [...older.filter((row) => !newer.includes(row)), ...rows, ...newer];
    this.#read = Math.max(0, ...rows.slice(-1).map(order));
    this.total = Math.max(total, this.#rows.length);
    for (const run of [...this.#runs.values()]) {
      if (!run.ended || run.ended.at > askedAt) continue;
      const told = rows.some((row) => tells(row, run.id));
      if (run.ended.how !== "error" || told) this.#runs.delete(run.id);
    }
    this.#forgetSent(rows, askedAt);
    this.#settled = undefined;
    return joins;
  }

  /** Rows before those that are known. */
  older(rows: readonly Message[]): void {
    const known = new Set(this.#rows.map(identity));
    this.#rows = [...rows.filter((row) => !known.has(identity(row))), ...this.#rows];
    this.total = Math.max(this.total, this.#rows.length);
    this.#settled = undefined;
  }

  /** One row that has come as an event. */
  append(row: Message, now = 0): void {
    const id = identity(row);
    this.#came.set(id, now);
    const at = this.#rows.findIndex((known) => identity(known) === id);
    if (at >= 0) this.#rows[at] = row;
    else {
      this.#rows.push(row);
      this.total += 1;
    }
    this.#forgetSent([row], 0);
    this.#settled = undefined;
  }

  send(runId: string, text: string, pictures: Picture[], at: number, files: FileNote[] = []): void {
    this.#sent.set(runId, { runId, text, pictures, files, at, state: "sending" });
    if (pictures.length) this.#pictures.set(`${runId}:user`, pictures);
    if (this.#pictures.size > REMEMBERED) this.#pictures.delete(this.#pictures.keys().next().value ?? "");
  }

  accepted(runId: string, at: number): void {
    const sent = this.#sent.get(runId);
    if (sent) sent.state = "sent";
    if (!this.#over.has(runId)) this.#run(runId, at);
  }

  failed(runId: string): void {
    const sent = this.#sent.get(runId);
    if (sent) sent.state = "failed";
    this.#runs.delete(runId);
  }

  /** It was taken, and no answer comes for it. */
  settled(runId: string): void {
    const sent = this.#sent.get(runId);
    if (sent) sent.state = "sent";
    this.#runs.delete(runId);
  }

  discard(runId: string): void {
    this.#sent.delete(runId);
  }

  unsent(): { runId: string; text: string }[] {
    return [...this.#sent.values()].filter((sent) => sent.state === "sending");
  }

  /** Is there something that was not sent, or could not be? */
  get owes(): boolean {
    return [...this.#sent.values()].some((sent) => sent.state !== "sent");
  }

  /** Runs that were going on when `askedAt` was, and no others but those that began later. */
  going(runIds: readonly string[], at: number, askedAt = at): void {
    for (const id of runIds) this.#run(id, at);
    for (const run of [...this.#runs.values()]) {
      if (run.ended || run.at > askedAt || runIds.includes(run.id)) continue;
      // the history has all of it; the half that was heard before the connection was lost must not stand in its place
      if (this.#rows.some((row) => tells(row, run.id))) this.#runs.delete(run.id);
      else run.ended = { how: "final", at };
    }
  }

  /** A `chat` event. Says whether the history should be read again. */
  chat(event: ChatEvent, now: number): boolean {
    const run = this.#run(event.runId, now);
    const sent = this.#sent.get(event.runId);
    if (sent) sent.state = "sent";
    switch (event.state) {
      case "status":
        run.status = PHASES[event.phase ?? ""] ?? "";
        return false;
      case "delta":
        run.status = "";
        delete run.ended;
        if (!run.byStream) this.#say(run, event);
        return false;
      default: {
        if (!run.byStream && event.message) this.#say(run, event);
        for (const part of run.parts) if (part.kind === "tool" && part.state === "running") part.state = "done";
        run.ended = { how: event.state, at: now };
        this.#over.add(event.runId);
        if (this.#over.size > REMEMBERED) this.#over.delete(this.#over.values().next().value ?? "");
        if (event.state === "error") run.ended.error = event.errorMessage || "the turn failed";
        return true;
      }
    }
  }

  /** An `agent` event: tools, thoughts, and the text between them. */
  agent(event: AgentEvent, now: number): void {
    const { stream, data } = event;
    if (!["assistant", "thinking", "tool", "item"].includes(stream)) return;
    const known = this.#runs.get(event.runId);
    if (known?.ended) return;
    const run = this.#run(event.runId, now);
    if (stream === "assistant") this.#stream(run, "text", data);
    else if (stream === "thinking") this.#stream(run, "thinking", data);
    else if (stream === "tool") tool(run, data);
    else if (data.kind === "tool") title(run, data);
  }

  items(): Item[] {
    this.#settled ??= settle(this.#rows, this.#pictures);
    const told = new Map<string, Part[]>();
    const items = this.#settled.filter((item) => {
      if (item.kind !== "answer" || !item.runId || !this.#runs.has(item.runId)) return true;
      told.set(item.runId, [...(told.get(item.runId) ?? []), ...item.parts]);
      return false;
    });
    const answered = new Set(told.size ? this.#rows.flatMap((row) => (row.role === "toolResult" && row.toolCallId ? [row.toolCallId] : [])) : []);
    const ids = new Set([...this.#sent.keys(), ...this.#runs.keys()]);
    const begin = (id: string) => this.#sent.get(id)?.at ?? this.#runs.get(id)?.at ?? 0;
    for (const id of [...ids].sort((a, b) => begin(a) - begin(b))) {
      const sent = this.#sent.get(id);
      if (sent) items.push({ kind: "user", key: `u:${id}`, text: sent.text, pictures: sent.pictures, files: sent.files, at: sent.at, state: sent.state, runId: id });
      const run = this.#runs.get(id);
      if (run) items.push(shown(run, merge(told.get(id) ?? [], run.parts, answered, !run.ended)));
    }
    return items;
  }

  #run(id: string, at: number): Run {
    let run = this.#runs.get(id);
    if (!run) {
      run = { id, at, parts: [], status: "", byStream: false };
      this.#runs.set(id, run);
    }
    return run;
  }

  /** From `chat` events alone, the text of a run is one piece. */
  #say(run: Run, event: ChatEvent): void {
    const whole = event.message ? text(event.message.content) : undefined;
    let part = run.parts.findLast((part) => part.kind === "text");
    if (!part) {
      if (!whole && !event.deltaText) return;
      part = { kind: "text", id: WHOLE, text: "" };
      run.parts.push(part);
    }
    if (part.kind !== "text") return;
    part.text = whole ?? (event.replace ? (event.deltaText ?? "") : part.text + (event.deltaText ?? ""));
  }

  #stream(run: Run, kind: "text" | "thinking", data: Record<string, unknown>): void {
    run.status = "";
    if (kind === "text" && !run.byStream) {
      run.byStream = true;
      run.parts = run.parts.filter((part) => part.kind !== "text");
    }
    const last = run.parts.at(-1);
    const id = `${kind}:${typeof data.itemId === "string" ? data.itemId : last?.kind === kind ? last.id.slice(kind.length + 1) : run.parts.length}`;
    const found = run.parts.find((part) => part.id === id);
    const part: Part = found ?? { kind, id, text: "" };
    if (!found) run.parts.push(part);
    if (part.kind !== "text" && part.kind !== "thinking") return;
    part.text = typeof data.text === "string" ? data.text : part.text + String(data.delta ?? "");
  }

  #forgetSent(rows: readonly Message[], askedAt: number): void {
    for (const sent of [...this.#sent.values()]) {
      const key = `${sent.runId}:user`;
      const told = rows.some((row) => row.idempotencyKey === key || row.__openclaw?.idempotencyKey === key);
      const over = sent.state === "sent" && !this.#runs.has(sent.runId) && sent.at < askedAt;
      if (told || over) this.#sent.delete(sent.runId);
    }
  }
}

function shown(run: Run, parts: Part[]): Item {
  const { ended } = run;
  const item: Item = { kind: "answer", key: `r:${run.id}`, parts, at: run.at, live: !ended, runId: run.id };
  if (!ended) item.status = run.status;
  if (ended?.how === "aborted") item.stopped = true;
  if (ended?.error) item.error = ended.error;
  return item;
}

function tool(run: Run, data: Record<string, unknown>): void {
  const id = String(data.toolCallId ?? "");
  const part = toolPart(run, id, String(data.name ?? "tool"));
  if (data.args !== undefined) part.args = data.args;
  if (data.phase === "update") part.output = text(result(data.partialResult)) || part.output;
  if (data.phase === "result") {
    part.state = data.isError ? "failed" : "done";
    part.output = text(result(data.result)) || part.output;
    part.pictures = pictures(result(data.result));
  }
}

function title(run: Run, data: Record<string, unknown>): void {
  const part = toolPart(run, String(data.toolCallId ?? ""), String(data.name ?? "tool"));
  if (typeof data.meta === "string") part.title = data.meta;
  if (data.phase !== "end") return;
  part.state = data.status === "failed" ? "failed" : "done";
  if (typeof data.startedAt === "number" && typeof data.endedAt === "number") part.ms = data.endedAt - data.startedAt;
}

function toolPart(run: Run, id: string, name: string): Part & { kind: "tool" } {
  const found = run.parts.find((part) => part.kind === "tool" && part.id === id);
  if (found?.kind === "tool") return found;
  const part: Part & { kind: "tool" } = { kind: "tool", id, name, title: "", args: undefined, state: "running", output: "", pictures: [] };
  run.parts.push(part);
  run.status = "";
  return part;
}

function result(value: unknown): Message["content"] {
  if (typeof value === "string") return value;
  if (value && typeof value === "object" && "content" in value) return (value as Message).content;
  return value === undefined || value === null ? "" : JSON.stringify(value, null, 2);
}

/** What is written in the blocks of a message. */
export function text(content: Message["content"]): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((block) => (block.type === "text" && typeof block.text === "string" ? block.text : ""))
    .filter(Boolean)
    .join("\n\n");
}

/** Is it a part of what this run has answered? */
function tells(row: Message, runId: string): boolean {
  return row.role === "assistant" && row.__openclaw?.runId === runId;
}

function order(row: Message): number {
  return row.__openclaw?.seq ?? 0;
}

function identity(row: Message): string {
  return row.__openclaw?.id ?? `${row.role}:${row.timestamp}:${row.idempotencyKey ?? ""}:${text(row.content).slice(0, 80)}`;
}

/** The history's rows as items: the steps of a turn are one answer, and a tool's result belongs to its call. */
export function settle(rows: readonly Message[], known: ReadonlyMap<string, Picture[]> = new Map()): Item[] {
  const items: Item[] = [];
  const calls = new Map<string, Part & { kind: "tool" }>();
  let answer: (Item & { kind: "answer" }) | undefined;
  rows.forEach((row, index) => {
    const key = identity(row) || String(index);
    const at = row.timestamp ?? 0;
    if (row.role === "toolResult") {
      finish(calls.get(row.toolCallId ?? ""), row);
      return;
    }
    if (row.role === "assistant") {
      const runId = row.__openclaw?.runId;
      if (!answer || answer.runId !== runId) {
        answer = { kind: "answer", key, parts: [], at, live: false };
        if (runId) answer.runId = runId;
        items.push(answer);
      }
      fill(answer, row, calls);
      return;
    }
    answer = undefined;
    if (row.role === "user") items.push(user(row, key, at, known));
    else items.push({ kind: "marker", key, text: text(row.content) || marker(row.__openclaw?.kind), at });
  });
  return items.filter((item) => item.kind !== "answer" || item.parts.length > 0 || item.error || item.stopped);
}

function user(row: Message, key: string, at: number, known: ReadonlyMap<string, Picture[]>): Item {
  const said = attached(text(row.content));
  const shown = pictures(row.content);
  // a picture that is shown needs no note
  let left = shown.length;
  const files = said.files.filter(({ kind }) => kind !== "image" || left-- <= 0);
  const item: Item = { kind: "user", key, text: said.text, pictures: known.get(row.idempotencyKey ?? "") ?? shown, files, at, state: "sent" };
  const { channel, senderName, id } = row.__openclaw ?? {};
  if (id) item.entry = id;
  if (channel && !OWN.has(channel)) item.from = senderName ? `${senderName} over ${channel}` : channel;
  return item;
}

/** What somebody wrote, and the files that the gateway notes behind it for models: `<media:kind> (name, type, 3 bytes)`. */
export function attached(said: string): { text: string; files: (FileNote & { kind: string })[] } {
  const lines = said.split("\n");
  const files: (FileNote & { kind: string })[] = [];
  for (let line = lines.at(-1); line !== undefined; line = lines.at(-1)) {
    const note = /^<media:(\w+)> \((.+), (\d+) bytes\)$/.exec(line);
    if (!note) break;
    const [, kind = "", label = "", bytes = ""] = note;
    files.unshift({ kind, name: label.replace(/, [\w.+-]+\/[\w.+-]+$/, ""), bytes: Number(bytes) });
    lines.pop();
  }
  return { text: lines.join("\n"), files };
}

function fill(answer: Item & { kind: "answer" }, row: Message, calls: Map<string, Part & { kind: "tool" }>): void {
  const blocks: Block[] = typeof row.content === "string" ? [{ type: "text", text: row.content }] : (row.content ?? []);
  for (const block of blocks) {
    const id = `${answer.parts.length}`;
    if (block.type === "text" && typeof block.text === "string" && block.text.trim()) {
      answer.parts.push({ kind: "text", id, text: block.text });
    } else if (block.type === "thinking") {
      const thought = String(block.thinking ?? block.text ?? "");
      if (thought.trim()) answer.parts.push({ kind: "thinking", id, text: thought });
    } else if (block.type === "toolCall") {
      const call: Part = { kind: "tool", id: String(block.id), name: String(block.name), title: "", args: block.arguments, state: "done", output: "", pictures: [] };
      calls.set(call.id, call);
      answer.parts.push(call);
    } else {
      for (const found of picture(block)) answer.parts.push({ kind: "picture", id, picture: found });
    }
  }
  if (row.model) answer.model = row.provider ? `${row.provider}/${row.model}` : row.model;
  if (row.usage) answer.usage = row.usage;
  if (row.stopReason === "aborted" || row.openclawAbort?.aborted) answer.stopped = true;
  if (row.stopReason === "error") answer.error = row.errorMessage ?? "the turn failed";
}

function finish(part: (Part & { kind: "tool" }) | undefined, row: Message): void {
  if (!part) return;
  part.output = text(row.content);
  part.pictures = pictures(row.content);
  part.state = row.isError ? "failed" : "done";
}

function pictures(content: Message["content"]): Picture[] {
  return Array.isArray(content) ? content.flatMap(picture) : [];
}

function picture(block: Block): Picture[] {
  if (block.type !== "image") return [];
  const image = block as Extract<Block, { type: "image" }>;
  const data = image.data ?? image.source?.data;
  const kind = image.mimeType ?? image.source?.media_type ?? "image/png";
  const name = image.fileName || "picture";
  if (image.omitted === true || (typeof image.artifactId === "string" && !data)) {
    return [{ src: "", name, ...(typeof image.artifactId === "string" ? { artifact: image.artifactId } : {}) }];
  }
  if (typeof data !== "string" || !/^image\/[\w.+-]+$/.test(kind)) return [];
  return [{ src: data.startsWith("data:") ? data : `data:${kind};base64,${data}`, name }];
}

function marker(kind: string | undefined): string {
  return kind === "reset" ? "A new conversation begins here" : (kind ?? "");
}
