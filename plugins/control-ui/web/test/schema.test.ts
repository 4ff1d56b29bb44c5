import { describe, expect, it } from "vitest";
import { REDACTED, at, constants, isNeeded, kindOf, mergePatch, put, resolve, schemaAt, words, wrongWith, type Schema } from "../src/ui/schema";

const root: Schema = {
  type: "object",
  $defs: { Level: { oneOf: [{ const: "low", title: "Low" }, { const: "high" }] }, Secret: { anyOf: [{ type: "string" }, { type: "object" }] } },
  properties: {
    plugins: { type: "object", properties: { entries: { type: "object", additionalProperties: { type: "object", properties: { config: { $ref: "#/$defs/Any" } } } } } },
    level: { anyOf: [{ $ref: "#/$defs/Level" }, { type: "null" }] },
    botToken: { $ref: "#/$defs/Secret" },
    anything: true,
  },
};

describe("a schema", () => {
  it("is found behind references and where there may be nothing", () => {
    expect(constants(resolve(root.properties?.level, root))).toEqual([{ value: "low", text: "Low" }, { value: "high", text: "high" }]);
    expect(schemaAt(root, ["plugins", "entries", "x"])?.type).toBe("object");
    expect(schemaAt(root, ["nothing"])).toBeUndefined();
  });
  it("that refers to itself ends", () => {
    expect(resolve({ $ref: "#/$defs/Loop" }, { $defs: { Loop: { $ref: "#/$defs/Loop" } } })).toBeDefined();
  });
  it("decides what is entered", () => {
    const kind = (schema: Schema, name = "x") => kindOf(resolve(schema, root), name);
    expect(kind({ type: "string" })).toBe("text");
    expect(kind({ type: "string" }, "apiKey")).toBe("secret");
    expect(kind({ $ref: "#/$defs/Secret" }, "botToken")).toBe("secret");
    expect(kind({ type: ["integer", "null"] })).toBe("integer");
    expect(kind({ type: "array", items: { type: "string" } })).toBe("list");
    expect(kind({ enum: ["a", null] })).toBe("choice");
    expect(kind({ type: ["string", "number"] })).toBe("json");
    expect(kind({})).toBe("json");
    expect(kind({ type: "object", additionalProperties: true })).toBe("map");
  });
});

describe("a value", () => {
  it("is changed at one place, and nothing else", () => {
    const value = { a: { b: 1, c: 2 }, d: [1] };
    expect(put(value, ["a", "b"], 9)).toEqual({ a: { b: 9, c: 2 }, d: [1] });
    expect(put(value, ["a", "b"], undefined)).toEqual({ a: { c: 2 }, d: [1] });
    expect(put(undefined, ["x", "y"], true)).toEqual({ x: { y: true } });
    expect([value.a.b, at(value, ["a", "c"]), at(value, ["d", "e", "f"])]).toEqual([1, 2, undefined]);
  });
  it("becomes the least patch", () => {
    const from = { a: 1, b: { c: 2, d: 3 }, e: [1, 2], token: REDACTED };
    expect(mergePatch(from, { a: 1, b: { c: 5, d: 3 }, e: [1, 3], token: REDACTED })).toEqual({ b: { c: 5 }, e: [1, 3] });
    expect(mergePatch(from, { b: {}, token: REDACTED })).toEqual({ a: null, b: { c: null, d: null }, e: null });
    expect(mergePatch(from, from)).toEqual({});
    expect(mergePatch({ a: 1 }, "x")).toBe("x");
  });
  it("is judged as the gateway will", () => {
    expect(wrongWith(undefined, { type: "string" }, true)).toBe("This is needed.");
    expect(wrongWith(undefined, { type: "string" }, false)).toBeUndefined();
    expect(wrongWith(0, { type: "integer", minimum: 1 }, false)).toBe("At least 1.");
    expect(wrongWith(1.5, { type: "integer" }, false)).toBe("This must be a whole number.");
    expect(wrongWith("x", { type: "string", pattern: "^\\d+$" }, false)).toContain("match");
    expect(wrongWith(REDACTED, { type: "string", maxLength: 3 }, false)).toBeUndefined();
    expect(wrongWith("x", { type: "string", pattern: "(" }, false), "a pattern of another dialect").toBeUndefined();
  });
  it("is needed where its group is, and not where nobody wants the group", () => {
    const group: Schema = { required: ["url"] };
    expect(isNeeded(group, "url", undefined, true), "the whole").toBe(true);
    expect(isNeeded(group, "url", undefined, false)).toBe(false);
    expect(isNeeded(group, "url", {}, false), "emptied again").toBe(false);
    expect(isNeeded(group, "url", { port: 1 }, false)).toBe(true);
    expect(isNeeded(group, "port", undefined, true)).toBe(false);
  });
  it("has a name that people read", () => {
    expect(["maxDice", "api_key", "dmPolicy"].map(words)).toEqual(["Max dice", "Api key", "Dm policy"]);
  });
});
