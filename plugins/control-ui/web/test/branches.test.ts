import { describe, expect, it, vi } from "vitest";
import { Transcript } from "../src/chat/transcript";

const gateway = vi.hoisted(() => ({ on: () => () => undefined, has: () => true, request: vi.fn(), phase: { name: "ready" } }));
const went = vi.hoisted(() => [] as string[][]);
vi.mock("../src/app/state", () => ({ app: { defaultAgent: "main" }, gateway, go: (...to: string[]) => went.push(to) }));
vi.mock("../src/ui/toast", () => ({ explain: String, failed: () => undefined, toast: () => undefined }));

const answers = vi.hoisted(() => ({ confirm: vi.fn(async () => false) }));
vi.mock("../src/ui/dialog", () => answers);

const { files, fork, rewind } = await import("../src/chat/branches");
const { Conversation } = await import("../src/chat/conversation");
const { drafts } = await import("../src/chat/drafts");

vi.stubGlobal("document", { hidden: true });

const EDITOR = { editorText: "What is this?\n<media:image> (a.png, image/png, 3 bytes)", editorAttachments: [{ mimeType: "image/png", data: "QUJD" }] };

describe("a message that is written anew", () => {
  it("has its pictures with it, and only harmless ones are drawn", () => {
    const [png, svg] = files({ editorAttachments: [{ mimeType: "image/png", data: "QUJD" }, { mimeType: "image/svg+xml", data: "PHN2Zz4=" }] });
    expect(png).toEqual({ name: "picture-1.png", mimeType: "image/png", bytes: 3, content: "QUJD", preview: "data:image/png;base64,QUJD" });
    expect(svg).toMatchObject({ name: "picture-2.svg", bytes: 5 });
    expect(svg?.preview).toBeUndefined();
  });

  it("is put where messages are written, in its conversation or in a new one", async () => {
    const conversation = new Conversation("agent:main:a");
    const heard = vi.fn();
    conversation.addEventListener("draft", heard);
    gateway.request.mockImplementation(async (method: string) => (method === "sessions.fork" ? { ...EDITOR, sessionKey: "agent:main:b" } : method === "sessions.rewind" ? EDITOR : { messages: [] }));
    await rewind(conversation, "s:3");
    expect(gateway.request).toHaveBeenCalledWith("sessions.rewind", { sessionKey: "agent:main:a", entryId: "s:3" });
    expect(heard).toHaveBeenCalledOnce();
    expect(drafts.of("agent:main:a")).toBe("What is this?");
    expect(drafts.takeFiles("agent:main:a")).toHaveLength(1);
    expect(drafts.takeFiles("agent:main:a")).toHaveLength(0);
    await fork(conversation, "s:3");
    expect(drafts.of("agent:main:b")).toBe("What is this?");
    expect(went).toEqual([["chat", "agent:main:b"]]);
  });

  it("does not take the place of another one unasked", async () => {
    const conversation = new Conversation("agent:main:d");
    drafts.keep(conversation.key, "half a thought");
    gateway.request.mockClear();
    await rewind(conversation, "s:3");
    expect(gateway.request).not.toHaveBeenCalled();
    expect(drafts.of(conversation.key)).toBe("half a thought");
    answers.confirm.mockResolvedValueOnce(true);
    gateway.request.mockResolvedValue(EDITOR);
    await rewind(conversation, "s:3");
    expect(drafts.of(conversation.key)).toBe("What is this?");
  });

  it("is not asked for twice when it is refused", async () => {
    const conversation = new Conversation("agent:main:c");
    gateway.request.mockRejectedValue(new Error("the agent works"));
    await rewind(conversation, "s:3");
    expect(drafts.of("agent:main:c")).toBe("");
  });
});

describe("a past that was changed", () => {
  it("is forgotten but for what is being said or was not sent", () => {
    const transcript = new Transcript();
    transcript.newest([{ role: "user", content: "old", timestamp: 1, __openclaw: { id: "s:1", seq: 1 } }], 1);
    transcript.send("r1", "not sent", [], 2);
    transcript.accepted("r2", 3);
    transcript.chat({ runId: "r3", sessionKey: "k", state: "final", message: { role: "assistant", content: "over" } }, 4);
    transcript.recast();
    expect(transcript.items().map((item) => [item.kind, item.kind === "user" ? item.text : item.kind === "answer" && item.live])).toEqual([
      ["user", "not sent"],
      ["answer", true],
    ]);
    // the new past begins with the same places
    transcript.newest([{ role: "user", content: "new", timestamp: 5, __openclaw: { id: "t:1", seq: 1 } }], 5);
    expect(transcript.rows.map((row) => row.content)).toEqual(["new"]);
  });
});
