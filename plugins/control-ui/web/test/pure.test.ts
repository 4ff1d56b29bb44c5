import { describe, expect, it } from "vitest";
import { tooMuch } from "../src/chat/attaching";
import { byDay, plain } from "../src/chat/by-day";
import { suggestions } from "../src/chat/commands";
import { everyDay } from "../src/pages/days";
import { LogLines, parseLine, passes, type Tail } from "../src/pages/log-lines";
import { Measured } from "../src/pages/measured";
import { reread } from "../src/pages/reread";
import { asWritten, duration, inWords } from "../src/pages/schedule";
import { highlight } from "../src/ui/highlight";
import { diff, hunks } from "../src/ui/diff";
import { oneAtATime } from "../src/ui/once";
import { ceiling, points } from "../src/ui/scale";
import { Heights, visible } from "../src/ui/virtual-list";

describe("commands", () => {
  const all = [{ name: "status" }, { name: "stop", textAliases: ["/stop"] }, { name: "help", description: "Every command" }];
  it("are offered while their name is written", () => {
    expect(suggestions("/st", all).map(({ name }) => name)).toEqual(["/status", "/stop"]);
    expect(suggestions("/", all)).toHaveLength(3);
    for (const text of ["", "st", "/stop now", "a /st"]) expect(suggestions(text, all), text).toEqual([]);
  });
});

describe("conversations", () => {
  it("are grouped by the last word, pinned ones first", () => {
    const now = new Date(2026, 10, 21, 15).getTime();
    const hours = (count: number) => now - count * 3_600_000;
    const rows = [{ key: "old", updatedAt: hours(400) }, { key: "today", updatedAt: hours(2) }, { key: "pin", updatedAt: hours(900), pinned: true }, { key: "yesterday", updatedAt: hours(20) }, { key: "never" }];
    expect(byDay(rows, now).map(([name, group]) => [name, group.map(({ key }) => key)])).toEqual([["Pinned", ["pin"]], ["Today", ["today"]], ["Yesterday", ["yesterday"]], ["Earlier", ["old", "never"]]]);
  });
});

describe("the last words", () => {
  it("are shown without marks", () => {
    expect(plain("# Title\n**bold** `code` [a link](http://x)\n- item")).toBe("Title bold code a link item");
    expect(plain("2 * 3 = 6, snake_case")).toBe("2 * 3 = 6, snake_case");
  });
});

describe("schedules", () => {
  it("are read as people write them", () => {
    expect(["30m", "1h 30m", "2 d", "90s"].map(duration)).toEqual([1_800_000, 5_400_000, 172_800_000, 90_000]);
    for (const text of ["", "soon", "5", "5x", "1h later", "0m"]) expect(duration(text), text).toBeUndefined();
    expect(asWritten({ kind: "every", everyMs: 5_400_000 })).toEqual(["every", "90m"]);
    expect(asWritten({ kind: "at", at: new Date(2027, 0, 31, 9, 5).toISOString() })).toEqual(["at", "2027-01-31 09:05"]);
    expect(inWords({ kind: "every", everyMs: 7_200_000 })).toBe("every 2 hours");
    expect(inWords({ kind: "every", everyMs: 86_400_000 })).toBe("every day");
    const cron = (expr: string) => inWords({ kind: "cron", expr });
    expect(inWords({ kind: "cron", expr: "0 7 * * *", tz: "Pacific/Kiritimati" })).toBe("every day at 07:00 (Pacific/Kiritimati)");
    expect([cron("5 16 * * 1-5"), cron("0 9 * * 7"), cron("30 8 1 * *")]).toEqual(["on weekdays at 16:05", "on Sundays at 09:00", "day 1 of each month at 08:30"]);
    for (const raw of ["*/5 * * * *", "0 7 1 * 1", "0 7 * 6 *", "0 0 7 * * *"]) expect(cron(raw)).toBe(raw);
  });
});

describe("log lines", () => {
  it("are read, and what is no JSON is shown as it is", () => {
    const line = parseLine(JSON.stringify({ "0": '{"subsystem":"gateway"}', "1": "ready", _meta: { logLevelName: "WARN" }, time: "t" }), 1);
    expect(line).toEqual({ id: 1, time: "t", level: "warn", part: "gateway", text: "ready" });
    expect(parseLine("<b>panic</b>", 2)).toMatchObject({ text: "<b>panic</b>", level: "info" });
    expect([passes(line, "warn", "", "READY"), passes(line, "error", "", ""), passes(line, "info", "plugins", "")]).toEqual([true, false, false]);
  });
});

describe("the log over several looks", () => {
  const line = (text: string) => JSON.stringify({ "1": text, _meta: { logLevelName: "DEBUG" } });
  const seen = (...tails: Partial<Tail>[]) => {
    const log = new LogLines();
    for (const tail of tails) log.take({ file: "a.log", cursor: 9, ...tail, lines: (tail.lines ?? []).map(line) });
    return log.lines.filter((one) => passes(one, "debug", "", "")).map(({ text, isHole }) => (isHole ? /^\w+ \w+/.exec(text)?.[0] : text));
  };
  it("has no holes where nothing is missing", () => {
    expect(seen({ lines: ["1", "2"] }, { lines: [] }, { lines: ["3"] })).toEqual(["1", "2", "3"]);
    expect(seen({}, { reset: true, lines: ["1"] }), "nothing was shown before").toEqual(["1"]);
  });
  it("shows where lines are missing, whatever is filtered", () => {
    expect(seen({ lines: ["1"] }, { lines: ["9"], truncated: true, skippedBytes: 2048 })).toEqual(["1", "Lines are", "9"]);
    expect(seen({ lines: ["1"] }, { lines: ["9"], reset: true }), "and keeps what was read").toEqual(["1", "Another log", "9"]);
    expect(seen({ lines: ["1"] }, { lines: ["9"], file: "b.log" }), "one that is longer than the first").toEqual(["1", "Another log", "9"]);
    const log = new LogLines();
    log.take({ file: "", cursor: 1, lines: [] });
    log.take({ file: "", cursor: 9, lines: [], truncated: true, skippedBytes: 2048 });
    expect(log.lines[0]?.text).toContain("2.0 KiB");
    expect(log.lines.every((one) => passes(one, "error", "http", "xyz"))).toBe(true);
  });
});

describe("differences", () => {
  const apply = (from: string, to: string) => {
    const changes = diff(from, to);
    const side = (drop: string) => changes.filter(({ kind }) => kind !== drop).map(({ line }) => line).join("\n");
    return [side("add"), side("del")];
  };
  it("lead from one text to the other, whatever they are", () => {
    const texts = ["", "a", "a\nb\nc", "a\nx\nc", "c\nb\na", "a\nb\nc\nd\ne\nf", "x\na\nb\ny\nd\nf\nz", "\n\n"];
    for (const from of texts) for (const to of texts) expect(apply(from, to), `${from} → ${to}`).toEqual([from, to]);
  });
  it("are short", () => {
    expect(diff("a\nb\nc", "a\nx\nc").map(({ kind }) => kind)).toEqual(["same", "del", "add", "same"]);
    const long = Array.from({ length: 5_000 }, (_, n) => String(n));
    const shown = hunks(diff(long.join("\n"), [...long, "end"].join("\n")));
    expect(shown).toEqual([4_997, ...long.slice(-3).map((line) => ({ kind: "same", line })), { kind: "add", line: "end" }]);
  });
  it("between two long and quite different texts are given up in time", () => {
    const text = (seed: number) => Array.from({ length: 3_000 }, (_, n) => String((n * 7919 + seed) % 100_003)).join("\n");
    expect(apply(text(1), text(2))).toEqual([text(1), text(2)]);
  });
});

describe("a long list", () => {
  const keys = Array.from({ length: 10_000 }, (_, n) => `k${n}`);
  it("draws what is seen and knows the height of the rest", () => {
    const heights = new Heights(100);
    const { first, end, before, after } = visible(keys, heights, 500_000, 800, 400);
    expect(end - first).toBeLessThan(20);
    expect(before + after + (end - first) * 100).toBe(1_000_000);
    expect(first * 100).toBe(before);
  });
  it("begins at the first and ends at the last row", () => {
    const heights = new Heights(100);
    expect(visible(keys, heights, 0, 800, 400).first).toBe(0);
    expect(visible(keys, heights, 1e9, 800, 400).end).toBe(10_000);
    expect(visible([], heights, 0, 800, 400)).toEqual({ first: 0, end: 0, before: 0, after: 0 });
  });
  it("learns heights", () => {
    const heights = new Heights(100);
    expect([heights.measured("a", 150), heights.measured("a", 120)]).toEqual([50, -30]);
    for (let n = 0; n < 20; n++) heights.measured(`x${n}`, 40);
    expect(heights.of("unknown")).toBeLessThan(60);
  });
});

describe("plots", () => {
  it("end at a round number", () => {
    expect([0, 1, 7, 12, 99, 101, 4_200].map(ceiling)).toEqual([1, 1, 8, 15, 100, 150, 5_000]);
  });
  it("stand on the ground", () => {
    expect(points([0, 10], 10)).toBe("0.00,40.00 100.00,0.00");
  });
  it("show days on which nothing was used", () => {
    const days = everyDay([{ date: "2026-11-20", input: 5 }], 3, new Date(2026, 10, 21));
    expect(days).toEqual([{ date: "2026-11-19" }, { date: "2026-11-20", input: 5 }, { date: "2026-11-21" }]);
  });
  it("of plugins count calls by the second, and keep a bounded past", () => {
    const measured = new Measured();
    for (let n = 0; n < 200; n++) measured.take([{ id: "p", metrics: { calls: 10 * n, p99Us: 2_000 } }], 1_000_000 + n * 2_000);
    const { rate, p99, times } = measured.of("p");
    expect([rate.length, times.length, rate.at(-1), p99.at(-1)]).toEqual([90, 90, 5, 2]);
  });
});

describe("code", () => {
  it("is coloured, and stays the same text", () => {
    expect(highlight("let x = 1; // <b>", "rust")).toBe('<span class="t-word">let</span> x = <span class="t-number">1</span>; <span class="t-comment">// &lt;b&gt;</span>');
    expect(highlight("echo 'a' # b", "sh")).toContain('<span class="t-string">&#39;a&#39;</span>');
    const text = (html: string) => html.replace(/<\/?span[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&amp;/g, "&");
    for (const code of ['<script>"', "a && b /* open", "`${x}` 'it''s'", "// only", ""]) for (const language of ["ts", "py", "sql", "", "unknown"]) expect(text(highlight(code, language))).toBe(code);
  });
  it("is never markup, whatever is in it", () => {
    for (const language of ["js", "html", "rust", "bash"]) expect(highlight('<img src=x onerror="alert(1)">', language)).not.toMatch(/<(?!\/?span)/);
  });
});

describe("a text that somebody writes", () => {
  it("is not thrown away when the file is read again", () => {
    expect(reread(false, undefined, "h1")).toBe("take");
    expect(reread(false, "h1", "h2")).toBe("take");
    expect(reread(true, "h1", "h1"), "a new connection, the same file").toBe("keep");
    expect(reread(true, "h1", "h2")).toBe("newer");
  });
});

describe("files of a message", () => {
  const MIB = 2 ** 20;
  it("fit into it one by one and together", () => {
    const limits = { file: 18 * MIB, message: 25 * MIB };
    const one = (size: number) => ({ name: "a", size });
    expect(tooMuch([], one(18 * MIB), limits)).toBeUndefined();
    expect(tooMuch([], one(18 * MIB + 1), limits)?.title).toBe("a is too large");
    expect(tooMuch([{ bytes: 10 * MIB }], one(8 * MIB), limits)).toBeUndefined();
    expect(tooMuch([{ bytes: 10 * MIB }], one(9 * MIB), limits)?.title).toBe("a does not fit any more");
    expect(tooMuch(Array.from({ length: 10 }, () => ({ bytes: 1 })), one(1), {})?.title).toBe("Too many files");
    expect(tooMuch([{ bytes: 10 * MIB }], one(9 * MIB), {}), "an older gateway says no limit").toBeUndefined();
  });
});

describe("work that is done once at a time", () => {
  it("is done once more for all who asked meanwhile, also when it fails", async () => {
    const ends: ((error?: Error) => void)[] = [];
    const ask = oneAtATime(() => new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve()))));
    const [first, second, third] = [ask(), ask(), ask()];
    expect(ends).toHaveLength(1);
    ends[0]?.(new Error("lost"));
    await expect(first).rejects.toThrow("lost");
    await Promise.resolve();
    await Promise.resolve();
    expect(ends, "begun after it was asked for").toHaveLength(2);
    ends[1]?.();
    await Promise.all([second, third]);
    const fourth = ask();
    expect(ends).toHaveLength(3);
    ends[2]?.();
    await fourth;
  });
});
