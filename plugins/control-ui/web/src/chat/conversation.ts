// One conversation with the gateway: reads its history, follows its events, sends, stops.
//
// Invariants: after every gap or new connection the history is read again; a message whose sending was cut is sent again
// under the same key, which the gateway answers once; a conversation that nobody looks at any more lasts until what was
// written in it is sent.
import { app, gateway, go } from "../app/state";
import { GatewayError, type Phase } from "../gateway/client";
import type { AgentEvent, ChatEvent, CommandRow, History, Message, ModelRow, SessionRow } from "../gateway/types";
import { oneAtATime } from "../ui/once";
import { explain, toast } from "../ui/toast";
import { Transcript, text, type Picture } from "./transcript";

const NEWEST = 200;
const OLDER = 400;
const SEND_MS = 60_000;
/** Why what was read of a conversation is no longer what was said in it. */
const RECAST = new Set(["reset", "rewind", "branch-switch"]);

export interface Attachment {
  name: string;
  mimeType: string;
  bytes: number;
  /** base64 */
  content: string;
  preview?: string;
}

export class Conversation extends EventTarget {
  /** Those that are followed: the one that is looked at, and others with something to send. */
  static readonly #followed = new Set<Conversation>();
  readonly key: string;
  readonly transcript = new Transcript();
  info: SessionRow | undefined;
  models: ModelRow[] = [];
  commands: CommandRow[] = [];
  loading = true;
  problem = "";
  hasOlder = false;
  loadingOlder = false;
  #undo: (() => void)[] = [];
  #kept = new Map<string, { message: string; attachments: Attachment[] }>();
  #sending = new Set<string>();
  /** Nobody looks at it. */
  #left = false;
  /** Older rows could not be read. */
  #cut = false;
  /** Takes the next drawing back, where one is to come. */
  #frame?: () => void;
  #named = "";

  constructor(key: string) {
    super();
    this.key = key;
  }

  get agentId(): string {
    const [kind, agent] = this.key.split(":");
    return (kind === "agent" && agent) || app.defaultAgent;
  }

  /** The conversation, followed: the one that still has something to send, or a new one. */
  static enter(key: string): Conversation {
    const known = [...Conversation.#followed].find((one) => one.key === key);
    const conversation = known ?? new Conversation(key);
    conversation.#left = false;
    if (!known) conversation.open();
    return conversation;
  }

  /** Is there something anywhere that goes with the page if it goes now? */
  static get anyOwes(): boolean {
    return [...Conversation.#followed].some((one) => one.transcript.owes);
  }

  /** Whoever signs out takes along what was not sent. */
  static forget(): void {
    for (const one of [...Conversation.#followed]) one.close();
  }

  /** Nobody looks at it any more. It ends when everything that was written in it is sent. */
  leave(): void {
    this.#left = true;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#left && !this.transcript.owes) this.close();
  }

  open(): void {
    Conversation.#followed.add(this);
    // the gateway has its own way of writing a key, which the history tells
    const mine = (key: string | undefined) => key !== undefined && (key === this.key || key === this.#named);
    this.#undo = [
      gateway.on<ChatEvent>("chat", (event) => mine(event.sessionKey) && this.#chat(event)),
      gateway.on<AgentEvent>("agent", (event) => {
        if (!mine(event.sessionKey)) return;
        this.transcript.agent(event, Date.now());
        this.#changed();
      }),
      gateway.on<{ sessionKey: string; message?: Message }>("session.message", (event) => {
        if (!mine(event.sessionKey) || !event.message?.__openclaw) return;
        if (event.message.role === "user") this.transcript.append(event.message, Date.now());
        this.#changed();
      }),
      gateway.on<{ sessionKey?: string; reason?: string }>("sessions.changed", (event) => {
        if (mine(event.sessionKey) && RECAST.has(event.reason ?? "")) this.recast();
      }),
      // the end of a run may be among what was missed, as it is with a new connection
      gateway.on("gap", () => void this.#enter()),
      gateway.on("ready", () => void this.#enter()),
    ];
    void this.#enter();
  }

  close(): void {
    if (!Conversation.#followed.delete(this)) return;
    for (const undo of this.#undo.splice(0)) undo();
    this.#frame?.();
    if (gateway.has("sessions.messages.unsubscribe")) {
      gateway.request("sessions.messages.unsubscribe", { key: this.key }).catch(() => undefined);
    }
  }

  /** Reads the newest part of the history; calls that come meanwhile are one more reading. */
  readonly refresh = oneAtATime(() => this.#read());

  /** What was read is no longer its past. */
  recast(): void {
    this.transcript.recast();
    void this.refresh();
    this.#changed();
  }

  async older(): Promise<void> {
    if (!this.hasOlder || this.loadingOlder || !gateway.has("chat.history")) return;
    this.loadingOlder = true;
    this.#changed();
    try {
      const first = this.transcript.rows[0]?.__openclaw?.seq ?? 0;
      const { total } = this.transcript;
      // rows are numbered from 1, and so is what the history keeps besides and doesn't show
      const offset = first > 0 && total >= first ? total - first + 1 : this.transcript.rows.length;
      const page = await gateway.request<History>("chat.history", { sessionKey: this.key, limit: OLDER, offset });
      this.transcript.older(page.messages ?? []);
      this.hasOlder = Boolean(page.hasMore) && page.messages.length > 0;
    } catch (error) {
      // not at once again: whoever looks at the beginning would ask for ever
      this.hasOlder = false;
      this.#cut = true;
      this.problem = explain(error);
    } finally {
      this.loadingOlder = false;
      this.#changed();
    }
  }

  send(message: string, attachments: Attachment[]): void {
    const runId = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(16).slice(2)}`;
    const pictures: Picture[] = attachments.flatMap((file) => (file.preview ? [{ src: file.preview, name: file.name }] : []));
    const files = attachments.filter((file) => !file.preview).map(({ name, bytes }) => ({ name, bytes }));
    this.transcript.send(runId, message, pictures, Date.now(), files);
    this.#kept.set(runId, { message, attachments });
    void this.#deliver(runId);
    this.#changed();
  }

  /** Sends a message that could not be sent. */
  retry(runId: string): void {
    const kept = this.#kept.get(runId);
    if (!kept) return;
    this.transcript.discard(runId);
    this.#kept.delete(runId);
    this.send(kept.message, kept.attachments);
  }

  discard(runId: string): void {
    this.transcript.discard(runId);
    this.#kept.delete(runId);
    this.#changed();
  }

  async stop(): Promise<void> {
    await gateway.request("chat.abort", { sessionKey: this.key });
  }

  async #enter(): Promise<void> {
    if (gateway.phase.name !== "ready") return;
    if (gateway.has("sessions.messages.subscribe")) {
      gateway.request("sessions.messages.subscribe", { key: this.key }).catch(() => undefined);
    }
    const askedAt = Date.now();
    await this.refresh();
    const active = this.info?.activeRunIds ?? (this.info?.hasActiveRun ? undefined : this.info ? [] : undefined);
    if (active) this.transcript.going(active, Date.now(), askedAt);
    for (const { runId } of this.transcript.unsent()) void this.#deliver(runId);
    this.#changed();
    if (!this.commands.length && gateway.has("commands.list")) void this.#learnCommands();
  }

  async #read(): Promise<void> {
    if (!gateway.has("chat.history")) return;
    const askedAt = Date.now();
    const known = this.transcript.rows.length > 0;
    const method = !known && gateway.has("chat.startup") ? "chat.startup" : "chat.history";
    try {
      const history = await gateway.request<History>(method, { sessionKey: this.key, limit: NEWEST });
      const rows = history.messages ?? [];
      this.#named = history.sessionKey ?? this.key;
      const before = this.transcript.rows.length;
      const joins = this.transcript.newest(rows, askedAt, history.totalMessages);
      if (!joins || before <= rows.length) this.hasOlder = Boolean(history.hasMore);
      else if (this.#cut) this.hasOlder = true;
      this.#cut = false;
      this.info = history.sessionInfo ?? this.info;
      this.models = history.metadata?.models ?? this.models;
      this.commands = history.metadata?.commands ?? this.commands;
      this.problem = "";
      this.#seen();
    } catch (error) {
      if (!(error instanceof GatewayError && error.isLost)) this.problem = explain(error);
    } finally {
      this.loading = false;
      this.#changed();
    }
  }

  /** Whoever looks at it has read it. */
  #seen(): void {
    if (this.#left || !this.info?.unread || document.hidden || !gateway.has("sessions.patch")) return;
    gateway.request("sessions.patch", { key: this.key, unread: false }).catch(() => undefined);
  }

  async #learnCommands(): Promise<void> {
    const list = await gateway
      .request<{ commands: CommandRow[] }>("commands.list", { agentId: this.agentId, scope: "text", includeArgs: true })
      .catch(() => undefined);
    this.commands = list?.commands ?? [];
    this.#changed();
  }

  async #deliver(runId: string): Promise<void> {
    const kept = this.#kept.get(runId);
    if (!kept || this.#sending.has(runId)) return;
    const attachments = kept.attachments.map((file) => ({
      type: file.mimeType.startsWith("image/") ? "image" : "file",
      mimeType: file.mimeType,
      fileName: file.name,
      content: file.content,
    }));
    const params = { sessionKey: this.key, message: kept.message, idempotencyKey: runId, ...(attachments.length ? { attachments } : {}) };
    this.#sending.add(runId);
    try {
      const taken = await gateway.request<{ runId?: string; status?: string }>("chat.send", params, SEND_MS);
      this.#kept.delete(runId);
      if (taken.status === "started" || taken.status === "in_flight") this.transcript.accepted(runId, Date.now());
      else this.#done(runId);
    } catch (error) {
      // lost: it is sent again under the same key as soon as there is a connection, or now if there is one
      if (error instanceof GatewayError && error.isLost) {
        if (error.code === "TIMEOUT") queueMicrotask(() => void this.#deliver(runId));
        return;
      }
      this.transcript.failed(runId);
      this.problem = explain(error);
      if (this.#left) toast({ tone: "bad", title: "A message was not sent", body: this.problem, action: { label: "Look", run: () => go("chat", this.key) } });
    } finally {
      this.#sending.delete(runId);
    }
    this.#changed();
  }

  /** It was an order that is carried out, or was answered before. */
  #done(runId: string): void {
    this.transcript.settled(runId);
    void this.refresh();
  }

  #chat(event: ChatEvent): void {
    const over = this.transcript.chat(event, Date.now());
    if (over) {
      const said = text(event.message?.content).slice(0, 400);
      if (!this.#left) app.announce(event.state === "error" ? `The answer failed. ${event.errorMessage ?? ""}` : event.state === "aborted" ? "Stopped." : said || "Answered.");
      void this.refresh();
    }
    this.#changed();
  }

  /** At most one drawing for each frame, however many events come. */
  #changed(): void {
    if (this.#frame) return;
    const tell = () => {
      this.#frame = undefined;
      this.dispatchEvent(new Event("change"));
      this.#endIfDone();
    };
    // a page that is not shown has no frames
    if (document.hidden) {
      const timer = setTimeout(tell, 100);
      this.#frame = () => clearTimeout(timer);
    } else {
      const frame = requestAnimationFrame(tell);
      this.#frame = () => cancelAnimationFrame(frame);
    }
  }
}

gateway.on<Phase>("phase", ({ name }) => name === "idle" && Conversation.forget());
// what was not sent lasts as long as the page: the browser asks whether it may go
globalThis.addEventListener?.("beforeunload", (event) => {
  if (Conversation.anyOwes) event.preventDefault();
});
