// What may be answered to a question, and how its words are shown so that they hide nothing.

export interface Asked {
  command?: string;
  allowedDecisions?: readonly string[];
  unavailableDecisions?: readonly string[];
}

const USUAL = ["allow-once", "allow-always", "deny"] as const;

/** The answers that may be given, in the order of their buttons. What this page does not know is not offered. */
export function decisions({ allowedDecisions = USUAL, unavailableDecisions = [] }: Asked): string[] {
  return USUAL.filter((name) => allowedDecisions.includes(name) && !unavailableDecisions.includes(name));
}

// format, private, control and unassigned characters, and blanks that are not the space
const HIDDEN = /[\p{Cf}\p{Co}\p{Cn}\p{Cc}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u034f\ufe00-\ufe0f]/gu;

/** A command with every character visible that a person would not see. */
export function legible(text: string): string {
  return text.replace(HIDDEN, (mark) => (mark === "\n" || mark === "\t" ? mark : `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`));
}
