import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sessions } from "../src/app/sessions";
import { ChatPage } from "../src/pages/chat";
import { fire, placed } from "./drawn";
import { later } from "./gateway";

const gateway = await vi.hoisted(async () => (await import("./gateway")).played());
const app = vi.hoisted(() => ({ place: { page: "chat", rest: "k1" }, agents: [], listeners: [] as (() => void)[], watch: (listener: () => void) => (app.listeners.push(listener), () => undefined), changed: () => app.listeners.forEach((one) => one()) }));
vi.mock("../src/app/state", () => ({ app, gateway, link: (_: string, key: string) => key, keyTitle: String, sessionTitle: ({ label, key }: { label?: string; key: string }) => label ?? key, withoutNotes: String }));
vi.mock("../src/chat/composer", () => ({}));
vi.mock("../src/chat/log", () => ({}));
vi.mock("../src/ui/toast", () => ({}));
vi.mock("../src/chat/conversation", () => {
  const one = Object.assign(new EventTarget(), { key: "k1", models: [], transcript: { rows: [], items: () => [] }, leave: () => undefined });
  return { Conversation: { enter: () => one } };
});

/** As many conversations as the gateway has; their names are those of their numbers. */
let many = 0;
const list = ({ limit = 100, search = "" }: { limit?: number; search?: string }) => {
  const all = Array.from({ length: many }, (_, at) => ({ key: `k${at + 1}` })).filter(({ key }) => key.includes(search));
  return { sessions: all.slice(0, limit), hasMore: all.length > limit };
};
const asked = () => gateway.calls.map(([, { limit, search }]) => [limit, search]);
const keys = () => sessions.shown.map(({ key }) => key);

beforeEach(() => {
  vi.useFakeTimers();
  sessions.clear();
  many = 450;
  gateway.calls.length = 0;
  gateway.answer = (_, params) => list(params);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the list of conversations", () => {
  it("shows more when it is asked to, and keeps them", async () => {
    await sessions.refresh();
    expect([keys().length, sessions.hasMore]).toEqual([200, true]);
    await sessions.more();
    await sessions.more();
    expect([keys().length, sessions.hasMore]).toEqual([450, false]);
    many = 449;
    sessions.refreshSoon();
    await vi.advanceTimersByTimeAsync(449);
    expect(keys(), "the longer it is, the later").toHaveLength(450);
    await vi.advanceTimersByTimeAsync(1);
    expect(keys()).toHaveLength(449);
  });

  it("finds what is not in it, and asks when the typing rests", async () => {
    await sessions.refresh();
    gateway.calls.length = 0;
    for (const text of ["k", "k4", "k44"]) sessions.find(text);
    expect([keys(), sessions.isSearching], "at once what is here").toEqual([["k44"], true]);
    await vi.advanceTimersByTimeAsync(250);
    expect(asked()).toEqual([[200, "k44"]]);
    expect(keys()).toEqual(["k44", ...Array.from({ length: 10 }, (_, at) => `k44${at}`)]);
    expect(sessions.isSearching).toBe(false);
    sessions.find("");
    expect(keys()).toHaveLength(200);
  });

  it("does not show what an earlier search has found", async () => {
    const slow = later();
    gateway.answer = async (_, params) => {
      if (params.search === "k44") await slow.comes;
      return list(params);
    };
    sessions.find("k44");
    await vi.advanceTimersByTimeAsync(250);
    sessions.find("k33");
    await vi.advanceTimersByTimeAsync(250);
    slow.give();
    await vi.advanceTimersByTimeAsync(0);
    expect(keys()[0]).toBe("k33");
    expect(keys()).not.toContain("k44");
  });

  it("is nobody's after its reader has signed out", async () => {
    await sessions.refresh();
    gateway.emit("phase", { name: "idle" });
    expect(sessions.rows).toBeUndefined();
  });

  it("is offered whole by the page", async () => {
    vi.stubGlobal("document", { addEventListener: () => undefined, hidden: true });
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    const focused: string[] = [];
    const all = () => keys().map((title) => ({ title, focus: () => focused.push(title) }));
    await sessions.refresh();
    const page = await placed(ChatPage, { querySelectorAll: all as never });
    await fire(await page.drawing(), "click", "Show more");
    expect(keys()).toHaveLength(400);
    expect(focused, "whoever goes by the keyboard goes on there").toEqual(["k201"]);
    await fire(await page.drawing(), "input", "Search conversations", { target: { value: "k9" } });
    await vi.advanceTimersByTimeAsync(250);
    expect((await page.drawing()).text).toContain("11 found");
    vi.unstubAllGlobals();
  });
});
