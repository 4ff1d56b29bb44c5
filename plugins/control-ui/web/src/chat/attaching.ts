// What may go along with a message. Pure.
import { bytes } from "../ui/bits";

export const MAX_FILES = 10;
const MAX_BYTES = 19_464_192;
/** Room for the words of a message and the names of its files. */
const WORDS = 256 * 1024;

/** What the gateway takes, bytes: one file, and a whole message as it is sent. */
export interface Limits {
  file?: number | undefined;
  message?: number | undefined;
}

/** Why this file can't go along with those; nothing if it can. */
export function tooMuch(others: readonly { bytes: number }[], file: { name: string; size: number }, limits: Limits): { title: string; body: string } | undefined {
  const most = limits.file ?? MAX_BYTES;
  if (others.length >= MAX_FILES) return { title: "Too many files", body: `A message carries ${MAX_FILES} at most. Send the rest in the next one.` };
  if (file.size > most) return { title: `${file.name} is too large`, body: `The gateway takes files up to ${bytes(most)}.` };
  // four letters stand for three bytes
  const together = others.reduce((sum, one) => sum + one.bytes, file.size);
  const room = limits.message === undefined ? Infinity : ((limits.message - WORDS) / 4) * 3;
  if (others.length && together > room) return { title: `${file.name} does not fit any more`, body: `The files of a message may have ${bytes(room)} together. Send it in the next one.` };
  return undefined;
}
