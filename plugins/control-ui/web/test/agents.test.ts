import { beforeEach, describe, expect, it, vi } from "vitest";
import { AgentsPage } from "../src/pages/agents";
import { fire, placed } from "./drawn";
import { later } from "./gateway";

const gateway = await vi.hoisted(async () => (await import("./gateway")).played());
const app = vi.hoisted(() => ({ place: { page: "agents", rest: "ada" }, watch: (listener: () => void) => ((app.changed = listener), () => undefined), changed: () => {} }));
const asked = vi.hoisted(() => [] as string[]);
vi.mock("../src/app/state", () => ({ app, gateway, go: () => undefined, link: (page: string, rest = "") => `#/${page}/${rest}` }));
vi.mock("../src/ui/editor", () => ({}));
vi.mock("../src/ui/dialog", () => ({ confirm: async ({ title }: { title: string }) => asked.push(title) > 0, ask: () => undefined }));
vi.mock("../src/ui/toast", () => ({ toast: () => undefined, failed: (what: string, error: unknown) => expect.fail(`${what}: ${String(error)}`), explain: String }));

const files: Record<string, string> = {};
const usual = (method: string, { name, content }: Record<string, unknown>): unknown => {
  if (method === "agents.list") return { agents: [{ id: "ada" }, { id: "bob" }], defaultId: "ada" };
  if (method === "agents.files.list") return { files: Object.keys(files).map((name) => ({ name, size: 1 })) };
  if (method === "agents.files.set") files[String(name)] = String(content);
  return { file: { name, content: files[String(name)] } };
};
const sent = () => gateway.calls.filter(([method]) => method === "agents.files.set").map(([, { name, content }]) => [name, content]);

beforeEach(() => {
  Object.assign(files, { "A.md": "a", "B.md": "b" });
  gateway.calls.length = asked.length = 0;
  gateway.answer = usual;
  app.place.rest = "ada";
  gateway.emit("phase", { name: "idle" });
});

async function opened(name: string) {
  const page = await placed(AgentsPage);
  const choose = async (name: string) => fire(await page.drawing(), "click", `mono small">${name}`);
  const write = async (detail: string) => fire(await page.drawing(), "edited", "oc-editor", { detail });
  const save = async () => fire(await page.drawing(), "click", "Review and save");
  const shown = async () => /\.value=(.*?) @edited/.exec((await page.drawing()).text)?.[1];
  await vi.waitFor(async () => expect((await page.drawing()).text).toContain("A.md"));
  await choose(name);
  return { page, choose, write, save, shown };
}

describe("a file of an agent", () => {
  it("is saved as itself though another is opened meanwhile", async () => {
    const { choose, write, save, shown } = await opened("A.md");
    await write("mine");
    const read = later();
    gateway.answer = async (method, params) => {
      // the first reading is that of the saving
      gateway.answer = usual;
      await read.comes;
      return usual(method, params);
    };
    const saving = save();
    await choose("B.md");
    await write("other");
    read.give();
    await saving;
    expect(sent()).toEqual([["A.md", "mine"]]);
    expect(await shown(), "and the other stays open as it was written").toBe("other");
    await save();
    expect(sent()[1]).toEqual(["B.md", "other"]);
  });

  it("keeps what is written while it is saved", async () => {
    const { write, save, shown, page } = await opened("A.md");
    await write("mine");
    const set = later();
    gateway.answer = async (method, params) => {
      if (method === "agents.files.set") await set.comes;
      return usual(method, params);
    };
    const saving = save();
    await vi.waitFor(() => expect(sent()).toHaveLength(1));
    await write("mine, and more");
    set.give();
    await saving;
    expect(await shown()).toBe("mine, and more");
    expect((await page.drawing()).text).toContain("Changed");
  });

  it("that was chosen last is opened, whatever is read last", async () => {
    const { choose, shown } = await opened("A.md");
    const slow = later();
    gateway.answer = async (method, params) => {
      gateway.answer = usual;
      await slow.comes;
      return usual(method, params);
    };
    const first = choose("A.md");
    await choose("B.md");
    slow.give();
    await first;
    expect(await shown()).toBe("b");
  });

  it("is not lost for another that comes late", async () => {
    const { choose, write } = await opened("A.md");
    const slow = later();
    gateway.answer = async (method, params) => {
      await slow.comes;
      return usual(method, params);
    };
    const other = choose("B.md");
    await write("mine");
    slow.give();
    await other;
    expect(asked).toEqual(["Leave without saving?"]);
  });

  it("that was begun is there again when its agent is, until its writer signs out", async () => {
    const { page, write, shown } = await opened("A.md");
    await write("mine");
    app.place.rest = "bob";
    app.changed();
    await vi.waitFor(async () => expect(await shown()).toBeUndefined());
    app.place.rest = "ada";
    app.changed();
    await vi.waitFor(async () => expect(await shown()).toBe("mine"));
    page.disconnectedCallback();
    const again = await placed(AgentsPage);
    const text = async () => (await again.drawing()).text;
    await vi.waitFor(async () => expect(await text()).toContain(".value=mine @edited"));
    again.disconnectedCallback();
    gateway.emit("phase", { name: "idle" });
    const other = await placed(AgentsPage);
    await vi.waitFor(async () => expect((await other.drawing()).text).toContain("A.md"));
    expect((await other.drawing()).text).not.toContain("mine");
  });

  it("is listed with its own agent", async () => {
    const slow = later();
    gateway.answer = async (method, params) => {
      if (method !== "agents.files.list" || params.agentId !== "ada") return method === "agents.files.list" ? { files: [{ name: "OF-BOB.md" }] } : usual(method, params);
      await slow.comes;
      return usual(method, params);
    };
    const page = await placed(AgentsPage);
    await vi.waitFor(() => expect(gateway.calls.map(([method]) => method)).toContain("agents.files.list"));
    app.place.rest = "bob";
    app.changed();
    slow.give();
    await vi.waitFor(async () => expect((await page.drawing()).text).toContain("OF-BOB.md"));
    expect((await page.drawing()).text).not.toContain("A.md");
  });
});
