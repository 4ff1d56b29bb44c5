// What screen readers are told.
import { afterEach, describe, expect, it, vi } from "vitest";
import { LogsPage } from "../src/pages/logs";
import { attributes } from "../src/ui/editor-view";
import { SchemaForm } from "../src/ui/schema-form";
import { fire, placed } from "./drawn";

const gateway = await vi.hoisted(async () => (await import("./gateway")).played());
vi.mock("../src/app/state", () => ({ app: {}, gateway }));
vi.mock("../src/ui/toast", () => ({ explain: String }));

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a form", () => {
  it("says whose entries and whose help these are", async () => {
    const properties = { words: { type: "array", items: { type: "string" } }, echo: { type: "boolean", description: "Repeat it." }, bare: { type: "boolean" } };
    const view = await placed(SchemaForm, { schema: { type: "object", properties }, value: { words: ["no"] } });
    const { text } = await view.drawing();
    const ids = [...text.matchAll(/ id="?([\w-]+)/g)].map(([, id]) => id);
    const [, group] = /role="group" aria-labelledby="([\w-]+)"/.exec(text) ?? [];
    expect(ids).toContain(group);
    expect(text).toContain(`id="${group}">Words`);
    const helps = [...text.matchAll(/role="switch" aria-label=(\w+) aria-describedby=([\w-]*)/g)].map(([, name, help]) => [name, help]);
    expect(helps).toEqual([["Echo", "f-echo-help"], ["Bare", ""]]);
    expect(text).toContain('id="f-echo-help">Repeat it.');
  });
});

describe("an editor in which Tab indents", () => {
  it("says how it is left", () => {
    expect(attributes("Configuration")).toMatchObject({ "aria-label": "Configuration", "aria-description": expect.stringContaining("Escape") });
  });
});

describe("the log", () => {
  it("has a button that says what it does, not that and its contrary", async () => {
    vi.stubGlobal("document", { visibilityState: "visible" });
    gateway.answer = () => ({ file: "", cursor: 0, lines: [] });
    const page = await placed(LogsPage, { querySelector: () => null });
    const button = async () => /<button class="btn"([^>]*)>.*?(Pause|Go on)/s.exec((await page.drawing()).text)?.slice(1).map((one) => one.replace(/ @click=\{\d+\}/, ""));
    expect(await button()).toEqual(["", "Pause"]);
    await fire(await page.drawing(), "click", "Pause");
    expect(await button()).toEqual(["", "Go on"]);
    page.disconnectedCallback();
  });
});

describe("an announcement", () => {
  it("is one again when it says the same", async () => {
    vi.resetModules();
    vi.stubGlobal("location", new URL("http://gateway/#/chat"));
    vi.stubGlobal("addEventListener", () => undefined);
    const { app } = await vi.importActual<typeof import("../src/app/state")>("../src/app/state");
    const said = ["Stopped.", "Stopped.", "Stopped."].map((text) => (app.announce(text), app.announcement));
    expect(said.map((text) => text.trim())).toEqual(["Stopped.", "Stopped.", "Stopped."]);
    expect(said.every((text, at) => text !== said[at - 1])).toBe(true);
  });
});
