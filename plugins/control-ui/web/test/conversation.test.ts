import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Conversation } from "../src/chat/conversation";
import { GatewayError } from "../src/gateway/client";
import type { History, Message } from "../src/gateway/types";

type Params = Record<string, unknown>;

/** A gateway as the test plays it. */
const gateway = vi.hoisted(() => {
  const listeners = new Map<string, Set<(payload: unknown) => void>>();
  return {
    phase: { name: "ready" },
    calls: [] as [method: string, params: Record<string, unknown>][],
    answer: (_method: string, _params: Record<string, unknown>): unknown => ({}),
    has: () => true,
    on(event: string, listener: (payload: unknown) => void): () => void {
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all);
      all.add(listener);
      return () => all.delete(listener);
    },
    emit(event: string, payload?: unknown): void {
      for (const listener of [...(listeners.get(event) ?? [])]) listener(payload);
    },
    async request(method: string, params: Record<string, unknown> = {}): Promise<unknown> {
      this.calls.push([method, params]);
      return await this.answer(method, params);
    },
  };
});
const toasts = vi.hoisted(() => [] as { title: string }[]);
vi.mock("../src/app/state", () => ({ app: { defaultAgent: "main", announce: () => undefined }, gateway, go: () => undefined }));
vi.mock("../src/ui/toast", () => ({ explain: (error: unknown) => String(error), toast: (one: { title: string }) => toasts.push(one) }));
vi.stubGlobal("document", { hidden: true });

const lost = () => new GatewayError({ code: "DISCONNECTED", message: "lost" });
const sends = () => gateway.calls.filter(([method]) => method === "chat.send").map(([, { message, idempotencyKey }]) => [message, idempotencyKey]);
const row = (seq: number): Message => ({ role: "user", content: `m${seq}`, timestamp: seq, __openclaw: { id: `m${seq}`, seq } });
const history = (messages: Message[] = [], more: Partial<History> = {}): History => ({ sessionKey: "agent:main:a", messages, sessionInfo: { key: "agent:main:a", activeRunIds: [] }, ...more });

beforeEach(() => {
  vi.useFakeTimers();
  Conversation.forget();
  gateway.phase.name = "ready";
  gateway.calls.length = 0;
  toasts.length = 0;
  gateway.answer = (method) => (method === "chat.send" ? { status: "started" } : history());
});

afterEach(() => {
  vi.useRealTimers();
});

describe("what is written while the gateway is away", () => {
  const away = () => {
    gateway.phase.name = "waiting";
    gateway.answer = () => Promise.reject(lost());
  };
  const back = () => {
    gateway.phase.name = "ready";
    gateway.answer = (method) => (method === "chat.send" ? { status: "started" } : history());
    gateway.emit("ready");
  };

  it("is sent under the same key, also when its writer has gone to another conversation", async () => {
    away();
    const conversation = Conversation.enter("agent:main:a");
    conversation.send("Meanwhile", []);
    conversation.leave();
    await vi.waitFor(() => expect(sends()).toHaveLength(1));
    expect(Conversation.anyOwes).toBe(true);
    back();
    await vi.waitFor(() => expect(sends()).toHaveLength(2));
    expect(sends()[1], "the gateway knows it by its key").toEqual(sends()[0]);
    await vi.waitFor(() => expect(gateway.calls.map(([method]) => method)).toContain("sessions.messages.unsubscribe"));
    expect(Conversation.anyOwes).toBe(false);
  });

  it("is still there for who comes back to it", async () => {
    away();
    const conversation = Conversation.enter("agent:main:a");
    conversation.send("Meanwhile", []);
    conversation.leave();
    expect(Conversation.enter("agent:main:b")).not.toBe(conversation);
    expect(Conversation.enter("agent:main:a")).toBe(conversation);
  });

  it("is sent again to a gateway that did not answer in time", async () => {
    let late = 1;
    gateway.answer = (method) => {
      if (method !== "chat.send") return history();
      return late-- > 0 ? Promise.reject(new GatewayError({ code: "TIMEOUT", message: "late" })) : { status: "started" };
    };
    const conversation = Conversation.enter("agent:main:a");
    conversation.send("Now", []);
    await vi.waitFor(() => expect(conversation.transcript.owes).toBe(false));
    expect(sends()).toHaveLength(2);
    expect(sends()[1]).toEqual(sends()[0]);
  });

  it("goes with whoever signs out", () => {
    away();
    Conversation.enter("agent:main:a").send("Mine", []);
    gateway.emit("phase", { name: "idle" });
    expect(Conversation.anyOwes).toBe(false);
    back();
    expect(sends()).toHaveLength(1);
  });

  it("and can't be sent is told to who looks elsewhere", async () => {
    away();
    const conversation = Conversation.enter("agent:main:a");
    conversation.send("Too much", []);
    conversation.leave();
    await vi.waitFor(() => expect(sends()).toHaveLength(1));
    gateway.phase.name = "ready";
    gateway.answer = (method) => (method === "chat.send" ? Promise.reject(new GatewayError({ code: "TOO_LARGE", message: "too much" })) : history());
    gateway.emit("ready");
    await vi.waitFor(() => expect(toasts.map(({ title }) => title)).toEqual(["A message was not sent"]));
    expect(Conversation.enter("agent:main:a"), "to be sent again, or given up").toBe(conversation);
  });
});

describe("a run", () => {
  it("whose end was among what was missed is over", async () => {
    gateway.answer = (): unknown => history([], { sessionInfo: { key: "agent:main:a", activeRunIds: ["r1"] } });
    const conversation = Conversation.enter("agent:main:a");
    await vi.waitFor(() => expect(conversation.transcript.busy).toBe(true));
    gateway.answer = (): unknown => history([row(1), { role: "assistant", content: "whole", __openclaw: { id: "m2", seq: 2, runId: "r1" } }]);
    gateway.emit("gap");
    await vi.waitFor(() => expect(conversation.transcript.busy).toBe(false));
  });
});

describe("older messages", () => {
  it("can be asked for again after the connection was lost meanwhile", async () => {
    const rows = Array.from({ length: 9 }, (_, n) => row(n + 1));
    const answer = (_: string, { offset = 0 }: Params): unknown => {
      const end = rows.length - Number(offset);
      return history(rows.slice(Math.max(0, end - 3), end), { hasMore: end > 3, totalMessages: rows.length });
    };
    gateway.answer = answer;
    const conversation = Conversation.enter("agent:main:a");
    await vi.waitFor(() => expect(conversation.hasOlder).toBe(true));
    await conversation.older();
    expect(conversation.transcript.rows).toHaveLength(6);
    gateway.answer = () => Promise.reject(lost());
    await conversation.older();
    expect(conversation.hasOlder, "not at once").toBe(false);
    gateway.answer = answer;
    await conversation.refresh();
    expect(conversation.hasOlder).toBe(true);
    await conversation.older();
    expect(conversation.transcript.rows.map((one) => one.__openclaw?.seq)).toEqual(rows.map((one) => one.__openclaw?.seq));
  });
});

describe("a past that another client changed", () => {
  it("is read again, once for each change and for this conversation only", async () => {
    const conversation = Conversation.enter("agent:main:a");
    gateway.answer = () => history([row(1), row(2)]);
    await vi.waitFor(() => expect(conversation.loading).toBe(false));
    gateway.answer = () => history([{ role: "user", content: "other", timestamp: 9, __openclaw: { id: "other:1", seq: 1 } }]);
    const before = gateway.calls.length;
    gateway.emit("sessions.changed", { sessionKey: "agent:main:b", reason: "rewind" });
    gateway.emit("sessions.changed", { sessionKey: "agent:main:a", reason: "patch" });
    expect(gateway.calls).toHaveLength(before);
    gateway.emit("sessions.changed", { sessionKey: "agent:main:a", reason: "branch-switch" });
    await vi.waitFor(() => expect(conversation.transcript.rows.map(({ content }) => content)).toEqual(["other"]));
  });
});
