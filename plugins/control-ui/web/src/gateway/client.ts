// The connection to the gateway: handshake, requests, events, and coming back after it was lost.
//
// Invariants: a request is answered once, or fails with a `GatewayError`; a gap in the numbers of events is told, so that
// whoever shows state reads it again; no secret is sent anywhere but to the address that it was entered for.
import { device, signedText } from "./device";
import { browserName } from "./browser";
import type { Challenge, GatewayFailure, Hello } from "./types";

const PROTOCOL = 4;
const SCOPES = [
  "operator.admin",
  "operator.read",
  "operator.write",
  "operator.approvals",
  "operator.questions",
  "operator.pairing",
] as const;
const CAPS = ["agent-kind", "approvals", "exec-approvals", "plugin-approvals", "tool-events"];
const REQUEST_MS = 30_000;
const HANDSHAKE_MS = 20_000;
const FIRST_RETRY_MS = 300;
const LAST_RETRY_MS = 8_000;
/** Without a sign of life for this many ticks, a connection is dead. */
const SILENT_TICKS = 2.5;

export class GatewayError extends Error {
  readonly code: string;
  readonly details: Record<string, unknown>;
  readonly retryAfterMs: number | undefined;

  constructor(failure: GatewayFailure) {
    super(failure.message);
    this.name = "GatewayError";
    this.code = failure.code;
    this.details = failure.details ?? {};
    this.retryAfterMs = failure.retryAfterMs;
  }

  /** The more exact code, if there is one. */
  get reason(): string {
    return typeof this.details.code === "string" ? this.details.code : this.code;
  }

  /** Was the connection lost, so that nobody knows what became of the request? */
  get isLost(): boolean {
    return this.code === "DISCONNECTED" || this.code === "TIMEOUT";
  }
}

export type Phase =
  | { name: "idle" }
  | { name: "connecting"; attempt: number }
  | { name: "ready"; hello: Hello }
  | { name: "waiting"; attempt: number; until: number; why: string }
  | { name: "refused"; error: GatewayError };

export interface Credentials {
  token?: string | undefined;
  deviceToken?: string | undefined;
}

type Listener = (payload: never) => void;
interface Pending {
  resolve(value: unknown): void;
  reject(error: GatewayError): void;
  timer: ReturnType<typeof setTimeout>;
}

const lost = (message = "the connection to the gateway was lost") => new GatewayError({ code: "DISCONNECTED", message });

export class Client {
  phase: Phase = { name: "idle" };
  hello: Hello | undefined;
  readonly #address: string;
  readonly #version: string;
  readonly #instance = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  #credentials: Credentials = {};
  #socket: WebSocket | undefined;
  #pending = new Map<string, Pending>();
  #listeners = new Map<string, Set<Listener>>();
  #next = 1;
  #seq: number | undefined;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #alive: ReturnType<typeof setTimeout> | undefined;

  constructor(address: string, version: string) {
    this.#address = address;
    this.#version = version;
    globalThis.addEventListener?.("online", () => this.hurry());
    globalThis.document?.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.hurry();
    });
  }

  get methods(): readonly string[] {
    return this.hello?.features.methods ?? [];
  }

  has(method: string): boolean {
    return this.methods.includes(method);
  }

  may(scope: string): boolean {
    const scopes = this.hello?.auth.scopes ?? [];
    return scopes.includes(scope) || scopes.includes("operator.admin");
  }

  /** Connects with these credentials, and again whenever the connection is lost. */
  connect(credentials: Credentials): void {
    this.#credentials = credentials;
    this.#attempt = 0;
    this.#open();
  }

  /** Ends the connection for good. */
  disconnect(): void {
    clearTimeout(this.#retry);
    this.#drop();
    this.#move({ name: "idle" });
  }

  /** Tries at once instead of waiting. */
  hurry(): void {
    if (this.phase.name === "waiting") this.#open();
  }

  on<T>(event: string, listener: (payload: T) => void): () => void {
    const all = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, all);
    all.add(listener as Listener);
    return () => all.delete(listener as Listener);
  }

  request<T>(method: string, params: object = {}, timeoutMs = REQUEST_MS): Promise<T> {
    const socket = this.#socket;
    if (this.phase.name !== "ready" || !socket) return Promise.reject(lost("not connected to the gateway"));
    return this.#send<T>(socket, method, params, timeoutMs);
  }

  #send<T>(socket: WebSocket, method: string, params: object, timeoutMs: number): Promise<T> {
    const id = String(this.#next++);
    const frame = JSON.stringify({ type: "req", id, method, params });
    const most = this.hello?.policy.maxPayload;
    if (most !== undefined && isLonger(frame, most)) {
      // the gateway would close the connection, and the same would be sent again on the next one
      const message = `this is too much for one message: the gateway takes ${Math.floor(most / 2 ** 20)} MiB, files and all; send it in parts`;
      return Promise.reject(new GatewayError({ code: "TOO_LARGE", message }));
    }
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        const seconds = Math.round(timeoutMs / 1000);
        reject(new GatewayError({ code: "TIMEOUT", message: `the gateway did not answer ${method} within ${seconds} s` }));
      }, timeoutMs);
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
      socket.send(frame);
    });
  }

  #open(): void {
    clearTimeout(this.#retry);
    this.#drop();
    this.#attempt += 1;
    this.#move({ name: "connecting", attempt: this.#attempt });
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#address);
    } catch {
      this.#again("the browser refused to connect");
      return;
    }
    this.#socket = socket;
    this.#seq = undefined;
    const patience = setTimeout(() => socket.close(4000, "no handshake"), HANDSHAKE_MS);
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(socket, String(data), () => clearTimeout(patience));
    };
    socket.onclose = ({ code, reason }) => {
      clearTimeout(patience);
      if (this.#socket !== socket) return;
      const refused = this.phase.name === "refused";
      this.#drop();
      if (!refused) this.#again(why(code, reason));
    };
  }

  #receive(socket: WebSocket, data: string, admitted: () => void): void {
    let frame: { type?: string; id?: string; ok?: boolean; payload?: unknown; error?: GatewayFailure; event?: string; seq?: number };
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    this.#watch(socket);
    if (frame.type === "res" && frame.id !== undefined) {
      const pending = this.#pending.get(frame.id);
      if (!pending) return;
      this.#pending.delete(frame.id);
      clearTimeout(pending.timer);
      if (frame.ok) pending.resolve(frame.payload);
      else pending.reject(new GatewayError(frame.error ?? { code: "UNAVAILABLE", message: "the request failed" }));
    } else if (frame.type === "event" && frame.event === "connect.challenge") {
      this.#greet(socket, frame.payload as Challenge).then(admitted, () => undefined);
    } else if (frame.type === "event" && frame.event) {
      this.#count(frame.seq);
      this.#emit(frame.event, frame.payload);
    }
  }

  #count(seq: number | undefined): void {
    if (seq === undefined) return;
    const missed = this.#seq !== undefined && seq !== this.#seq + 1;
    this.#seq = seq;
    if (missed) this.#emit("gap", undefined);
  }

  async #greet(socket: WebSocket, challenge: Challenge): Promise<void> {
    let hello: Hello;
    try {
      const params = await this.#params(challenge).catch((cause: unknown) => Promise.reject(keyless(cause)));
      hello = await this.#send<Hello>(socket, "connect", params, HANDSHAKE_MS);
    } catch (error) {
      if (this.#socket !== socket || !(error instanceof GatewayError) || error.isLost) throw error;
      const again = error.code === "UNAVAILABLE";
      if (!again) this.#move({ name: "refused", error });
      socket.close();
      throw error;
    }
    if (this.#socket !== socket) return;
    this.hello = hello;
    this.#attempt = 0;
    this.#move({ name: "ready", hello });
    this.#emit("ready", hello);
  }

  async #params(challenge: Challenge): Promise<object> {
    const { token, deviceToken } = this.#credentials;
    const client = {
      id: "openclaw-control-ui",
      displayName: browserName(navigator.userAgent),
      version: this.#version,
      platform: navigator.platform || "web",
      mode: "webchat",
      instanceId: this.#instance,
    };
    const own = await device();
    const text = signedText(own.id, {
      clientId: client.id,
      clientMode: client.mode,
      role: "operator",
      scopes: SCOPES,
      signedAt: challenge.ts,
      token: token ?? deviceToken ?? "",
      nonce: challenge.nonce,
      platform: client.platform,
      deviceFamily: "",
    });
    return {
      minProtocol: PROTOCOL,
      maxProtocol: PROTOCOL,
      client,
      caps: CAPS,
      role: "operator",
      scopes: SCOPES,
      auth: token ? { token } : deviceToken ? { deviceToken } : {},
      device: {
        id: own.id,
        publicKey: own.publicKey,
        signature: await own.sign(text),
        signedAt: challenge.ts,
        nonce: challenge.nonce,
      },
      locale: navigator.language,
      userAgent: navigator.userAgent,
    };
  }

  /** A connection on which nothing comes is dead, whatever the browser thinks. */
  #watch(socket: WebSocket): void {
    clearTimeout(this.#alive);
    const tick = this.hello?.policy.tickIntervalMs;
    if (tick) this.#alive = setTimeout(() => socket.close(4000, "silent"), tick * SILENT_TICKS);
  }

  #again(reason: string): void {
    const backoff = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 1.8 ** Math.min(this.#attempt, 12));
    const wait = backoff * (0.75 + Math.random() / 2);
    this.#move({ name: "waiting", attempt: this.#attempt, until: Date.now() + wait, why: reason });
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  #drop(): void {
    clearTimeout(this.#alive);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, timer } of pending) {
      clearTimeout(timer);
      reject(lost());
    }
  }

  #move(phase: Phase): void {
    this.phase = phase;
    this.#emit("phase", phase);
  }

  #emit(event: string, payload: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) (listener as (payload: unknown) => void)(payload);
  }
}

/** Does it have more bytes than this? */
function isLonger(text: string, most: number): boolean {
  return text.length > most || (3 * text.length > most && new TextEncoder().encode(text).length > most);
}

/** The browser itself failed, before the gateway was asked anything. */
function keyless(cause: unknown): GatewayError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GatewayError({ code: "NO_DEVICE_KEY", message: `this browser could not make or use a key of its own (${reason}); allow this page to store data, then connect again` });
}

function why(code: number, reason: string): string {
  if (code === 1012) return "the gateway restarts";
  if (code === 1013) return "the gateway is starting";
  return reason || (code === 1006 ? "the gateway is out of reach" : `the connection was closed (${code})`);
}
