import { describe, expect, it } from "vitest";
import { Transcript, attached, settle } from "../src/chat/transcript";
import type { Message } from "../src/gateway/types";

const user = (seq: number, text: string, runId = `r${seq}`): Message => ({
  role: "user", content: text, timestamp: seq, idempotencyKey: `${runId}:user`, __openclaw: { id: `m${seq}`, seq },
});
const answer = (seq: number, text: string, runId: string): Message => ({
  role: "assistant", content: [{ type: "text", text }], timestamp: seq, __openclaw: { id: `m${seq}`, seq, runId },
});
const delta = (runId: string, text: string) => ({
  runId, sessionKey: "s", state: "delta" as const, deltaText: text, message: { role: "assistant", content: text },
});
const kinds = (transcript: Transcript) => transcript.items().map((item) => item.kind);

describe("a turn", () => {
  it("is shown once, from the sending to the history", () => {
    const transcript = new Transcript();
    transcript.send("r1", "Hello", [], 1);
    expect(transcript.items()).toMatchObject([{ kind: "user", state: "sending" }]);
    transcript.accepted("r1", 2);
    transcript.chat(delta("r1", "Hel"), 3);
    transcript.chat(delta("r1", "Hello"), 4);
    expect(transcript.items()).toMatchObject([{ kind: "user", state: "sent" }, { live: true, parts: [{ text: "Hello" }] }]);
    expect(transcript.chat({ runId: "r1", sessionKey: "s", state: "final" }, 5)).toBe(true);
    transcript.newest([user(1, "Hello", "r1"), answer(2, "Hello", "r1")], 6);
    expect(kinds(transcript)).toEqual(["user", "answer"]);
    expect(transcript.busy).toBe(false);
  });

  it("keeps what was written while the history is older than it", () => {
    const transcript = new Transcript();
    transcript.send("r2", "second", [], 10);
    transcript.newest([user(1, "first", "r1"), answer(2, "one", "r1")], 9);
    expect(kinds(transcript)).toEqual(["user", "answer", "user"]);
  });

  it("does not end by a history that was asked for before its end", () => {
    const transcript = new Transcript();
    transcript.accepted("r1", 1);
    transcript.chat(delta("r1", "x"), 2);
    transcript.chat({ runId: "r1", sessionKey: "s", state: "final" }, 5);
    transcript.newest([], 4);
    expect(kinds(transcript)).toEqual(["answer"]);
    transcript.newest([answer(1, "x", "r1")], 6);
    expect(transcript.items()).toMatchObject([{ live: false, parts: [{ text: "x" }] }]);
  });

  it("shows tools and thoughts where they happened, and text of one source only", () => {
    const transcript = new Transcript();
    const agent = (stream: string, data: Record<string, unknown>) => transcript.agent({ runId: "r", stream, data }, 1);
    transcript.chat(delta("r", "Let me"), 1);
    agent("thinking", { text: "hm" });
    agent("assistant", { text: "Let me look.", itemId: "a" });
    agent("tool", { phase: "start", toolCallId: "t", name: "exec", args: { command: "ls" } });
    agent("tool", { phase: "update", toolCallId: "t", name: "exec", partialResult: { content: [{ type: "text", text: "a" }] } });
    expect(transcript.items()).toMatchObject([{ parts: [{}, {}, { state: "running", output: "a" }] }]);
    agent("item", { kind: "tool", phase: "end", toolCallId: "t", name: "exec", status: "failed", startedAt: 5, endedAt: 9 });
    agent("assistant", { text: "Done.", itemId: "b" });
    transcript.chat(delta("r", "Let me look.\n\nDone."), 2);
    const [item] = transcript.items();
    expect(item).toMatchObject({
      parts: [
        { kind: "thinking", text: "hm" },
        { kind: "text", text: "Let me look." },
        { kind: "tool", state: "failed", ms: 4, args: { command: "ls" } },
        { kind: "text", text: "Done." },
      ],
    });
  });

  it("that is answered before its sending is confirmed does not begin again", () => {
    const transcript = new Transcript();
    transcript.send("r1", "/status", [], 1);
    transcript.chat({ runId: "r1", sessionKey: "s", state: "final", message: { role: "assistant", content: "well" } }, 2);
    transcript.newest([user(1, "/status", "r1"), answer(2, "well", "r1")], 3);
    transcript.accepted("r1", 4);
    expect([transcript.busy, kinds(transcript)]).toEqual([false, ["user", "answer"]]);
  });

  it("says that it failed, also when the history does not", () => {
    const transcript = new Transcript();
    transcript.chat({ runId: "r1", sessionKey: "s", state: "error", errorMessage: "no key" }, 1);
    transcript.newest([user(1, "x", "r1")], 2);
    expect(transcript.items()).toMatchObject([{ kind: "user" }, { kind: "answer", error: "no key" }]);
  });

  it("that is over when the page comes back is over here too", () => {
    const transcript = new Transcript();
    transcript.accepted("r1", 1);
    transcript.going([], 2);
    transcript.newest([user(1, "x", "r1"), answer(2, "y", "r1")], 3);
    expect([transcript.busy, kinds(transcript)]).toEqual([false, ["user", "answer"]]);
  });

  it("that ended while the connection was lost is shown whole, not as the half that was heard", () => {
    const transcript = new Transcript();
    transcript.accepted("r1", 1);
    transcript.chat(delta("r1", "Half"), 2);
    transcript.newest([user(1, "x", "r1"), answer(2, "Half and the rest", "r1")], 3);
    transcript.going([], 4, 3);
    expect(transcript.items()).toMatchObject([{ kind: "user" }, { kind: "answer", live: false, parts: [{ text: "Half and the rest" }] }]);
  });

  it("that began while the history was read is not over by it", () => {
    const transcript = new Transcript();
    transcript.accepted("r1", 4);
    transcript.going([], 5, 3);
    expect(transcript.busy).toBe(true);
  });

  it("is owed until it was sent or given up", () => {
    const transcript = new Transcript();
    transcript.send("r1", "x", [], 1);
    expect(transcript.owes).toBe(true);
    transcript.accepted("r1", 2);
    expect(transcript.owes).toBe(false);
    transcript.send("r2", "y", [], 3);
    transcript.failed("r2");
    expect(transcript.owes).toBe(true);
    transcript.discard("r2");
    expect(transcript.owes).toBe(false);
  });
});

describe("a page that is opened in the middle of a run", () => {
  const call = (seq: number, id: string): Message => ({
    role: "assistant", content: [{ type: "toolCall", id, name: "exec", arguments: { command: id } }], __openclaw: { id: `m${seq}`, seq, runId: "r" },
  });
  const result = (seq: number, id: string): Message => ({ role: "toolResult", toolCallId: id, content: `out ${id}`, __openclaw: { id: `m${seq}`, seq } });
  const opened = () => {
    const transcript = new Transcript();
    transcript.newest([user(1, "x", "r"), answer(2, "First.", "r"), call(3, "a"), result(4, "a"), call(5, "b")], 1);
    transcript.going(["r"], 2);
    return transcript;
  };

  it("shows the steps of the history and what comes, each once", () => {
    const transcript = opened();
    expect(transcript.items()).toMatchObject([{ kind: "user" }, { live: true, parts: [{ text: "First." }, { id: "a", state: "done" }, { id: "b", state: "running" }] }]);
    transcript.agent({ runId: "r", stream: "tool", data: { phase: "result", toolCallId: "b", name: "exec", result: "out b" } }, 3);
    transcript.agent({ runId: "r", stream: "assistant", data: { text: "Then", itemId: "t" } }, 4);
    const [, item, ...rest] = transcript.items();
    expect(rest).toEqual([]);
    expect(item).toMatchObject({
      live: true,
      parts: [{ text: "First." }, { id: "a", output: "out a" }, { id: "b", state: "done", output: "out b", args: { command: "b" } }, { text: "Then" }],
    });
  });

  it("says nothing twice that comes as one piece from its beginning", () => {
    const transcript = opened();
    transcript.chat(delta("r", "First.\n\nThen"), 3);
    expect(transcript.items()).toMatchObject([{ kind: "user" }, { parts: [{ text: "First." }, { id: "a" }, { id: "b" }, { text: "Then" }] }]);
  });

  it("puts the steps that were missed between those that were heard", () => {
    const transcript = new Transcript();
    const agent = (stream: string, data: Record<string, unknown>) => transcript.agent({ runId: "r", stream, data }, 1);
    agent("thinking", { text: "hm" });
    agent("tool", { phase: "start", toolCallId: "a", name: "exec" });
    transcript.newest([user(1, "x", "r"), call(2, "a"), result(3, "a"), call(4, "b"), result(5, "b")], 2);
    agent("assistant", { text: "End", itemId: "t" });
    expect(transcript.items()).toMatchObject([{ kind: "user" }, { parts: [{ text: "hm" }, { id: "a", state: "done" }, { id: "b" }, { text: "End" }] }]);
  });
});

describe("the history", () => {
  it("does not take back what came while it was read", () => {
    const transcript = new Transcript();
    transcript.newest([user(1, "one")], 1);
    transcript.append(user(2, "two"), 5);
    transcript.newest([user(1, "one")], 4);
    expect(transcript.items()).toMatchObject([{ text: "one" }, { text: "two" }]);
    // a later reading knows better
    transcript.newest([user(1, "one")], 6);
    expect(transcript.items()).toMatchObject([{ text: "one" }]);
  });

  it("has no hole after a long absence", () => {
    const transcript = new Transcript();
    const rows = Array.from({ length: 50 }, (_, n) => user(n + 1, `m${n + 1}`));
    const seqs = () => transcript.rows.map((row) => row.__openclaw?.seq);
    transcript.newest(rows.slice(0, 20), 1, 20);
    expect(transcript.newest(rows.slice(15, 30), 2, 30)).toBe(true);
    expect(seqs()).toEqual(rows.slice(0, 30).map((row) => row.__openclaw?.seq));
    // one of those that were missed came as an event, ahead of the reading
    for (const row of rows.slice(49)) transcript.append(row);
    expect(transcript.newest(rows.slice(40), 3, 50)).toBe(false);
    expect(seqs()).toEqual(rows.slice(40).map((row) => row.__openclaw?.seq));
  });

  it("is joined from pages, without doubles", () => {
    const transcript = new Transcript();
    const rows = Array.from({ length: 30 }, (_, n) => user(n + 1, `m${n + 1}`));
    transcript.newest(rows.slice(20), 1, 30);
    transcript.older(rows.slice(8, 22));
    transcript.older(rows.slice(0, 10));
    expect(transcript.rows.map((row) => row.__openclaw?.seq)).toEqual(rows.map((row) => row.__openclaw?.seq));
    transcript.newest(rows.slice(25), 2, 30);
    expect(transcript.rows).toHaveLength(30);
  });

  it("joins the steps of a turn and gives tools their results", () => {
    const call: Message = {
      role: "assistant", content: [{ type: "toolCall", id: "t", name: "exec", arguments: { command: "ls" } }], __openclaw: { id: "2", seq: 2, runId: "r" },
    };
    const result: Message = { role: "toolResult", toolCallId: "t", isError: true, content: "no such file", __openclaw: { id: "3", seq: 3 } };
    const items = settle([user(1, "x"), call, result, answer(4, "It failed", "r")]);
    expect(items).toMatchObject([{ kind: "user" }, { kind: "answer", parts: [{ state: "failed", output: "no such file" }, { text: "It failed" }] }]);
  });

  it("takes no picture whose kind is no picture", () => {
    const row = (mimeType: string): Message => ({ role: "user", content: [{ type: "image", mimeType, data: "AA" }] });
    const pictures = (kind: string) => settle([row(kind)]).flatMap((item) => (item.kind === "user" ? item.pictures : []));
    expect(pictures("image/png")).toHaveLength(1);
    expect(pictures('image/png"><script>')).toHaveLength(0);
    expect(pictures("text/html")).toHaveLength(0);
  });

  it("of 10,000 rows stays quick while an answer comes", () => {
    const transcript = new Transcript();
    transcript.newest(Array.from({ length: 10_000 }, (_, n) => (n % 2 ? answer(n + 1, "a", `r${n}`) : user(n + 1, "q"))), 1);
    const settled = transcript.items();
    transcript.chat(delta("live", "x"), 2);
    expect(transcript.items()[0]).toBe(settled[0]);
    expect(transcript.items()).toHaveLength(10_001);
  });
});

describe("files", () => {
  const image = (id: string) => ({ type: "image", mimeType: "image/png", omitted: true, artifactId: id, fileName: "plot.png" });

  it("are shown by what the gateway gives out, not by what the model reads of them", () => {
    const row: Message = {
      role: "user", timestamp: 1, __openclaw: { id: "m1", seq: 1 },
      content: [{ type: "text", text: "Look\n<media:image> (plot.png, image/png, 8 bytes)\n<media:document> (a, b.txt, text/plain, 3 bytes)" }, image("m1.1")],
    };
    expect(settle([row])).toMatchObject([{ text: "Look", pictures: [{ src: "", name: "plot.png", artifact: "m1.1" }], files: [{ name: "a, b.txt", bytes: 3 }] }]);
  });

  it("are named if no picture came of them", () => {
    const row: Message = { role: "user", content: "<media:image> (huge.png, image/png, 9000000 bytes)", timestamp: 1, __openclaw: { id: "m1", seq: 1 } };
    expect(settle([row])).toMatchObject([{ text: "", pictures: [], files: [{ name: "huge.png", bytes: 9_000_000 }] }]);
    expect(attached("<media:image> is how it begins")).toEqual({ text: "<media:image> is how it begins", files: [] });
  });

  it("of a tool stand beside its words", () => {
    const rows: Message[] = [
      { role: "assistant", content: [{ type: "toolCall", id: "c", name: "read" }], timestamp: 1, __openclaw: { id: "m1", seq: 1, runId: "r" } },
      { role: "toolResult", toolCallId: "c", content: [{ type: "text", text: "plot.png" }, image("m2.1")], timestamp: 2, __openclaw: { id: "m2", seq: 2 } },
    ];
    expect(settle(rows)).toMatchObject([{ parts: [{ kind: "tool", output: "plot.png", pictures: [{ artifact: "m2.1" }] }] }]);
  });
});
