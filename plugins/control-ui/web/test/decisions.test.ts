import { describe, expect, it } from "vitest";
import { decisions, legible } from "../src/pages/decisions";

describe("decisions", () => {
  it("are those that the gateway offers, and known ones only", () => {
    expect(decisions({})).toEqual(["allow-once", "allow-always", "deny"]);
    expect(decisions({ allowedDecisions: ["deny", "allow-once"], unavailableDecisions: ["allow-always"] })).toEqual(["allow-once", "deny"]);
    expect(decisions({ allowedDecisions: ["allow-for-ever", "deny"] })).toEqual(["deny"]);
    expect(decisions({ unavailableDecisions: ["allow-always"] })).toEqual(["allow-once", "deny"]);
  });
});

describe("a command", () => {
  it("hides nothing", () => {
    expect(legible("rm a\u202eb\u200bc\u001b[2K")).toBe("rm a\\u{202e}b\\u{200b}c\\u{1b}[2K");
    expect(legible("echo 'grüße 世界' |\n\twc")).toBe("echo 'grüße 世界' |\n\twc");
  });
});
