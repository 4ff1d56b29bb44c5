// A gateway as tests play it, in the place of the connection.
type Listener = (payload: unknown) => void;
type Params = Record<string, unknown>;

export function played() {
  const listeners = new Map<string, Set<Listener>>();
  return {
    phase: { name: "ready" },
    calls: [] as [method: string, params: Params][],
    answer: (_method: string, _params: Params): unknown => ({}),
    has: (_method: string) => true,
    on(event: string, listener: Listener): () => void {
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(listener));
      return () => all.delete(listener);
    },
    emit(event: string, payload?: unknown): void {
      for (const listener of [...(listeners.get(event) ?? [])]) listener(payload);
    },
    async request(method: string, params: Params = {}): Promise<unknown> {
      this.calls.push([method, params]);
      return await this.answer(method, params);
    },
  };
}

/** An answer that comes when the test says so. */
export function later<T = void>(): { comes: Promise<T>; give(value: T): void } {
  let give = (_: T): void => undefined;
  const comes = new Promise<T>((done) => (give = done));
  return { comes, give: (value) => give(value) };
}
