// What becomes of a text that somebody writes when what it was made from is read again. Pure.

/** `take` what was read; `keep` the text, for nothing else was read; or keep it and offer what is `newer`. */
export function reread(isChanged: boolean, known: string | undefined, read: string | undefined): "take" | "keep" | "newer" {
  if (!isChanged) return "take";
  return read === known ? "keep" : "newer";
}
