// Where the keyboard is after something has gone from the page.
import { LitElement, html } from "lit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Shell } from "../src/app/shell";
import { ChatPage } from "../src/pages/chat";
import { Page } from "../src/ui/page";
import { fire, placed } from "./drawn";

const gateway = await vi.hoisted(async () => (await import("./gateway")).played());
const app = vi.hoisted(() => ({ place: { page: "chat", rest: "k1" }, agents: [], watch: () => () => undefined, changed: () => undefined }));
vi.mock("../src/app/state", () => ({ app, gateway, signIn: () => undefined, link: (_: string, key: string) => key, keyTitle: String, sessionTitle: () => "", withoutNotes: String }));
vi.mock("../src/app/theme", () => ({ theme: () => "auto" }));
vi.mock("../src/pages/login", () => ({}));
vi.mock("../src/chat/composer", () => ({}));
vi.mock("../src/chat/log", () => ({}));
vi.mock("../src/ui/toast", () => ({}));
vi.mock("../src/chat/conversation", () => {
  const one = Object.assign(new EventTarget(), { key: "k1", models: [], transcript: { rows: [], items: () => [] }, leave: () => undefined });
  return { Conversation: { enter: () => one } };
});

const body = {};
const events = new EventTarget();
const page = Object.assign(events, { body, activeElement: body as object, title: "", hidden: true, querySelector: (where: string) => ({ focus: () => (page.activeElement = { where }) }) });
/** What the keyboard is on, by how it was looked for. */
const at = () => page.activeElement;

beforeEach(() => {
  page.activeElement = body;
  vi.stubGlobal("document", page);
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("addEventListener", events.addEventListener.bind(events));
  vi.stubGlobal("removeEventListener", events.removeEventListener.bind(events));
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draw());
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the keyboard", () => {
  it("is at the beginning of a page that was opened by something that is gone", async () => {
    await placed(Shell, { querySelector: page.querySelector as never });
    page.activeElement = { link: true };
    events.dispatchEvent(new Event("hashchange"));
    expect(at()).toEqual({ link: true });
    page.activeElement = body;
    events.dispatchEvent(new Event("hashchange"));
    expect(at()).toEqual({ where: "#main" });
  });

  it("comes back from the menu, and goes with what is chosen in it", async () => {
    const shell = await placed(Shell, { querySelector: page.querySelector as never });
    const open = async () => fire(await shell.drawing(), "click", 'aria-label="Menu"');
    await open();
    await vi.waitFor(() => expect(at()).toEqual({ where: '.nav [aria-current="page"]' }));
    await fire(await shell.drawing(), "click", "Close the menu");
    expect(at()).toEqual({ where: '[aria-label="Menu"]' });
    await open();
    await fire(await shell.drawing(), "click", "Channels");
    expect(at()).toEqual({ where: "#main" });
  });

  it("goes to the list of conversations that lies over the page, and back", async () => {
    const chat = await placed(ChatPage, { querySelector: page.querySelector as never });
    events.dispatchEvent(new Event("oc-sessions"));
    await vi.waitFor(() => expect(at()).toEqual({ where: '.session[aria-current="true"]' }));
    await fire(await chat.drawing(), "click", "Close the list");
    await vi.waitFor(() => expect(at()).toEqual({ where: '.topbar [aria-label="Conversations"]' }));
  });

  it("finds a name on everything in the frame, and no link that leads nowhere", async () => {
    const { text } = await (await placed(Shell, { querySelector: page.querySelector as never })).drawing();
    // a narrow window shows nothing but the signs
    expect(text).toMatch(/<a class="brand" [^>]*title="OpenClaw"/);
    expect(text).toMatch(/<button class="item" [^>]*title="Sign out"/);
    expect(text).not.toContain('href="#"');
  });

  it("is at the heading of a page when what it was on is gone", () => {
    class Some extends Page {
      protected readonly heading = "";
      protected load = () => Promise.resolve();
      protected body = () => html``;
      draw(): void {
        this.update(new Map());
      }
    }
    customElements.define("test-some-page", Some);
    let isPhone = false;
    const some = Object.assign(new Some(), {
      contains: (what: object) => what !== body,
      querySelector: ((where: string) => (isPhone ? { focus: () => undefined } : page.querySelector(where))) as never,
      closest: page.querySelector as never,
    });
    let gone = false;
    const draw = vi.spyOn(LitElement.prototype as unknown as { update(): void }, "update").mockImplementation(() => void (gone && (page.activeElement = body)));
    page.activeElement = { button: true };
    some.draw();
    expect(at()).toEqual({ button: true });
    gone = true;
    some.draw();
    expect(at()).toEqual({ where: "h1" });
    isPhone = true;
    some.draw();
    expect(at(), "where no heading is shown").toEqual({ where: "main" });
    page.activeElement = body;
    some.draw();
    expect(at(), "who was not in it is left where they are").toBe(body);
    draw.mockRestore();
  });
});
