import { beforeEach, describe, expect, it, vi } from "vitest";
import { PictureView } from "../src/chat/picture";
import { Pictures } from "../src/chat/pictures";
import { fire, placed } from "./drawn";

const gateway = await vi.hoisted(async () => (await import("./gateway")).played());
const lightbox = vi.hoisted(() => ({ close: () => {} }));
vi.mock("../src/app/state", () => ({ app: {}, gateway }));
vi.mock("../src/ui/lightbox", () => ({ showPicture: () => new Promise<void>((done) => (lightbox.close = done)) }));

/** The addresses that are good. */
const good = new Set<string>();
let made = 0;
beforeEach(() => {
  gateway.emit("phase", { name: "idle" });
  gateway.answer = (_, { artifactId }) => ({ artifact: { mimeType: "image/png" }, data: btoa(String(artifactId)) });
  good.clear();
  made = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => {
    const address = `blob:${made++}`;
    good.add(address);
    return address;
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((address) => void good.delete(address));
});

describe("pictures that were fetched", () => {
  const kept = (most: number) => new Pictures(async (_, id) => new Blob(["x".repeat(Number(id))]), most);

  it("are another's in another conversation", async () => {
    const pictures = kept(100);
    const [one, same, other] = await Promise.all(["a", "a", "b"].map((key) => pictures.hold(key, "10").src));
    expect(same).toBe(one);
    expect(other).not.toBe(one);
  });

  it("stay good while they are shown, and after that up to a number of bytes", async () => {
    const pictures = kept(100);
    const [first, second, third] = [pictures.hold("a", "60"), pictures.hold("a", "50"), pictures.hold("a", "40")];
    const sources = await Promise.all([first.src, second.src, third.src]);
    expect([...good], "all are shown").toEqual(sources);
    third.free();
    expect(good.has(sources[2] ?? ""), "the only one that may go").toBe(false);
    second.free();
    expect(good.has(sources[1] ?? "")).toBe(false);
    first.free();
    first.free();
    expect([...good], "few bytes").toEqual([sources[0]]);
  });

  it("go with their reader", async () => {
    const pictures = kept(100);
    await pictures.hold("a", "60").src;
    const late = pictures.hold("a", "50").src;
    pictures.clear();
    await expect(late).rejects.toThrow();
    expect(good.size).toBe(0);
  });
});

describe("a picture", () => {
  const shown = async (picture: { src: string; name: string; artifact?: string }, sessionKey = "a") => {
    const view = await placed(PictureView, { sessionKey, picture });
    const text = async () => {
      await vi.waitFor(async () => expect((await view.drawing()).text).not.toContain("loading"));
      return (await view.drawing()).text;
    };
    return { view, text };
  };

  it("that becomes another one shows that one alone", async () => {
    const { view, text } = await shown({ src: "", name: "one", artifact: "1" });
    expect(await text()).toContain("src=blob:0");
    view.picture = { src: "", name: "two", artifact: "2" };
    expect((await view.drawing()).text, "and not the first meanwhile").not.toContain("blob:0");
    expect(await text()).toContain("src=blob:1");
    view.picture = { src: "", name: "three" };
    expect(await text()).not.toContain("blob:");
  });

  it("that came whole stays until it is fetched", async () => {
    const { view, text } = await shown({ src: "data:whole", name: "one" });
    view.picture = { src: "", name: "one", artifact: "1" };
    expect((await view.drawing()).text).toContain("src=data:whole");
    await vi.waitFor(async () => expect(await text()).toContain("src=blob:0"));
  });

  it("that the browser can't show is a name", async () => {
    const { view, text } = await shown({ src: "data:nonsense", name: "one" });
    await fire(await view.drawing(), "error", "img");
    expect(await text()).toContain("can't show");
  });

  it("is still held where it is shown larger when its row goes", async () => {
    let held = 0;
    const hold = vi.spyOn(Pictures.prototype, "hold").mockImplementation(() => ((held += 1), { src: Promise.resolve("blob:x"), free: () => (held -= 1) }));
    const { view, text } = await shown({ src: "", name: "one", artifact: "1" });
    await text();
    const drawing = await view.drawing();
    await fire(drawing, "click", "Show it larger");
    view.disconnectedCallback();
    expect(held).toBe(1);
    lightbox.close();
    await vi.waitFor(() => expect(held).toBe(0));
    hold.mockRestore();
  });

  it("is not left behind by who signs out", async () => {
    const { text } = await shown({ src: "", name: "one", artifact: "only here" });
    await text();
    expect(good.size).toBe(1);
    gateway.emit("phase", { name: "idle" });
    expect(good.size).toBe(0);
  });
});
