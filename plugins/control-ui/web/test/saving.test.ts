// What is written between a save and its answer.
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ConfigPage } from "../src/pages/config";
import { PluginSettings } from "../src/pages/plugin-settings";
import { SchemaForm } from "../src/ui/schema-form";
import { fire, placed } from "./drawn";
import { later } from "./gateway";

const gateway = await vi.hoisted(async () => (await import("./gateway")).played());
vi.mock("../src/app/state", () => ({ app: {}, gateway }));
vi.mock("../src/ui/editor", () => ({}));
vi.mock("../src/ui/dialog", () => ({ confirm: async () => true }));
vi.mock("../src/ui/toast", () => ({ toast: () => undefined, failed: (what: string, error: unknown) => expect.fail(`${what}: ${String(error)}`), explain: String }));

beforeEach(() => {
  gateway.calls.length = 0;
  gateway.emit("phase", { name: "idle" });
});
const saves = (method: string) => gateway.calls.filter(([called]) => called === method).map(([, params]) => params);

describe("the file", () => {
  /** Its text, the version of it, and who else may write it. */
  const file = { raw: "{}", version: 0 };
  const write = (raw: string) => ({ hash: `h${Object.assign(file, { raw, version: file.version + 1 }).version}` });
  let set = later();
  beforeEach(() => {
    Object.assign(file, { raw: "{}", version: 0 });
    set = later();
    gateway.answer = async (method, { raw }) => {
      if (method === "config.get") return { raw: file.raw, hash: `h${file.version}`, valid: true };
      const answer = write(String(raw));
      gateway.emit("config.changed", answer);
      await set.comes;
      return answer;
    };
  });
  async function saving() {
    const page = await placed(ConfigPage);
    const text = async () => (await page.drawing()).text;
    const type = async (detail: string) => fire(await page.drawing(), "edited", "oc-editor", { detail });
    await vi.waitFor(async () => expect(await text()).toContain(".value={}"));
    await type("{a:1}");
    const done = fire(await page.drawing(), "click", "Review and save");
    await vi.waitFor(() => expect(saves("config.apply")).toHaveLength(1));
    return { page, text, type, done };
  }

  it("that is saved is no longer changed", async () => {
    const { text, done } = await saving();
    expect(await text(), "its own change is not one from elsewhere").not.toContain("changed elsewhere");
    set.give();
    await done;
    await vi.waitFor(async () => expect(await text()).not.toContain(">Changed<"));
    expect(await text()).toContain(".value={a:1}");
  });

  it("keeps what is written while it is saved, and takes it with the next", async () => {
    const { page, text, type, done } = await saving();
    await type("{a:12}");
    set.give();
    await done;
    expect(await text()).toContain(".value={a:12}");
    expect(await text()).not.toContain("changed elsewhere");
    await fire(await page.drawing(), "click", "Review and save");
    expect(saves("config.apply")[1]).toEqual({ raw: "{a:12}", baseHash: "h1" });
  });

  it("that somebody else has written since is said to be newer", async () => {
    const { text, type, done } = await saving();
    await type("{a:12}");
    write("{b:1}");
    set.give();
    await done;
    expect(await text()).toContain("changed elsewhere");
    expect(await text()).toContain(".value={a:12}");
  });
});

describe("a change from elsewhere", () => {
  it("that is taken back is none", async () => {
    let read = { raw: "{}", hash: "h0" };
    gateway.answer = () => read;
    const page = await placed(ConfigPage);
    const says = async () => (await page.drawing()).text.includes("changed elsewhere");
    await vi.waitFor(async () => fire(await page.drawing(), "edited", "oc-editor", { detail: "{a:1}" }));
    for (const [raw, hash, isNewer] of [["{b:1}", "h1", true], ["{}", "h0", false]] as const) {
      read = { raw, hash };
      gateway.emit("config.changed");
      await vi.waitFor(async () => expect(await says()).toBe(isNewer));
    }
  });
});

describe("what is begun", () => {
  it("is there again after another page, until its writer signs out", async () => {
    gateway.answer = () => ({ raw: "{}", hash: "h0" });
    const opened = async () => {
      const page = await placed(ConfigPage);
      await vi.waitFor(async () => expect((await page.drawing()).text).toContain("oc-editor"));
      return { page, text: (await page.drawing()).text };
    };
    const { page } = await opened();
    await fire(await page.drawing(), "edited", "oc-editor", { detail: "{a:1}" });
    page.disconnectedCallback();
    const again = await opened();
    expect(again.text).toContain(".value={a:1}");
    gateway.phase.name = "idle";
    gateway.emit("phase", { name: "idle" });
    again.page.disconnectedCallback();
    gateway.phase.name = "ready";
    expect((await opened()).text).toContain(".value={}");
  });

  it("and saved by then is what the file says", async () => {
    let read = { raw: "{}", hash: "h0" };
    gateway.answer = () => read;
    const page = await placed(ConfigPage);
    await vi.waitFor(async () => fire(await page.drawing(), "edited", "oc-editor", { detail: "{a:1}" }));
    read = { raw: "{a:1}", hash: "h1" };
    gateway.emit("config.changed");
    await vi.waitFor(async () => expect((await page.drawing()).text).not.toContain(">Changed<"));
    expect((await page.drawing()).text).not.toContain("changed elsewhere");
  });
});

describe("a form", () => {
  const HIDDEN = "__OPENCLAW_REDACTED__";
  const properties = { greeting: { type: "string" }, key: { type: "string" }, words: { type: "string" } };
  const part = (properties: object) => ({ type: "object", properties });
  const schema = part({ plugins: part({ entries: part({ demo: part({ config: part(properties) }) }) }) });
  let kept: Record<string, unknown> = {};
  let set = later();
  beforeEach(() => {
    kept = { greeting: "Hello", words: "no" };
    set = later();
    gateway.answer = async (method, { raw }) => {
      if (method === "config.schema") return { schema };
      if (method === "config.get") return { hash: "h", sourceConfig: { plugins: { entries: { demo: { config: { ...kept, ...(kept.key ? { key: HIDDEN } : {}) } } } } } };
      Object.assign(kept, JSON.parse(String(raw)).plugins.entries.demo.config);
      await set.comes;
      return {};
    };
  });
  const sent = () => saves("config.patch").map(({ raw }) => JSON.parse(String(raw)).plugins.entries.demo.config);
  async function shown() {
    const form = { valid: true };
    const view = await placed(PluginSettings, { plugin: "demo", querySelector: (() => form) as never });
    const field = async () => {
      const { text } = await view.drawing();
      return [/\.version=(\d+)/.exec(text)?.[1], text.includes(">Changed<"), text.includes("skeleton")];
    };
    const enter = async (detail: object) => fire(await view.drawing(), "edited", "oc-schema-form", { detail });
    const save = async () => fire(await view.drawing(), "submit", "novalidate");
    await vi.waitFor(async () => expect((await field())[0]).toBe("1"));
    return { view, field, enter, save };
  }

  it("keeps what is entered while it is saved, in the field where it is entered", async () => {
    const { field, enter, save } = await shown();
    await enter({ greeting: "Hi", key: "secret", words: "no" });
    const done = save();
    await vi.waitFor(() => expect(sent()).toHaveLength(1));
    await enter({ greeting: "Hi there", key: "secret", words: "no" });
    kept.words = "never";
    set.give();
    await done;
    expect(await field(), "it is the same form, with a change").toEqual(["1", true, false]);
    await save();
    expect(sent(), "of the second only what was entered since").toEqual([{ greeting: "Hi", key: "secret" }, { greeting: "Hi there" }]);
  });

  it("that is saved has no change", async () => {
    const { field, enter, save } = await shown();
    await enter({ greeting: "Hi", key: "secret", words: "no" });
    set.give();
    await save();
    expect(await field()).toEqual(["1", false, false]);
  });

  it("begins anew with what the file says when a change is discarded", async () => {
    const { view, field, enter } = await shown();
    await enter({ greeting: "Hi", words: "no" });
    await fire(await view.drawing(), "click", "Discard");
    await vi.waitFor(async () => expect(await field()).toEqual(["2", false, false]));
  });

  it("is what somebody enters in it until it begins anew", async () => {
    const view = await placed(SchemaForm, { schema: { type: "object", properties: { pause: { type: "number" } } }, value: {}, version: 1 });
    const says = async () => (await view.drawing()).text.includes("This is no number.");
    await fire(await view.drawing(), "input", "number", { target: { value: "", validity: { badInput: true } } });
    expect(await says()).toBe(true);
    view.value = { other: 1 };
    expect(await says(), "what was saved is another value").toBe(true);
    view.version = 2;
    expect(await says()).toBe(false);
  });
});
