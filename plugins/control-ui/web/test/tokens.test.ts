import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const colours = (block: string) => Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{3,6})\b/g)].map(([, name, value]) => [name ?? "", value ?? ""]));
const [first = "", second = ""] = [...css.matchAll(/:root[^{]*\{([^}]*)\}/g)].map(([, block]) => block ?? "");
const light = colours(first);
const themes = { light, dark: { ...light, ...colours(second) } };

function luminance(colour: string): number {
  const long = colour.length === 4 ? [...colour.slice(1)].map((char) => char + char).join("") : colour.slice(1);
  const parts = [0, 2, 4].map((at) => parseInt(long.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * (parts[0] ?? 0) + 0.7152 * (parts[1] ?? 0) + 0.0722 * (parts[2] ?? 0);
}

function contrast(a: string, b: string): number {
  const [dark = 0, bright = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dark + 0.05);
}

describe("every text can be read", () => {
  const pairs: [string, string[]][] = [
    ["ink", ["bg", "surface", "hover"]], ["ink-2", ["bg", "surface", "hover"]], ["ink-3", ["bg", "surface", "sunken"]],
    ["accent-ink", ["surface", "bg", "accent-soft"]], ["on-accent", ["accent"]], ["good", ["good-soft"]], ["warn", ["warn-soft"]], ["bad", ["bad-soft", "surface"]], ["info", ["info-soft"]],
  ];
  for (const [name, theme] of Object.entries(themes)) {
    it(`in the ${name} colours`, () => {
      for (const [text, grounds] of pairs) for (const ground of grounds) expect(contrast(theme[text] ?? "", theme[ground] ?? ""), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    });
  }
});
