// Work that is done once at a time. Pure.

/** Whoever asks while it is being done gets one more after it, together with all who ask meanwhile: nobody is given what was
    begun before it was asked for. */
export function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let now: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    now = work().finally(() => (now = undefined));
    return now;
  };
  const after = (): Promise<void> => {
    next = undefined;
    return begin();
  };
  return () => {
    if (next) return next;
    if (!now) return begin();
    next = now.then(after, after);
    return next;
  };
}
