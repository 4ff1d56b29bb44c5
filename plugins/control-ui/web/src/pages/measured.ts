// What plugins cost, over the time that the page was open. Pure, bounded.
import type { PluginRow } from "../gateway/types";

const KEPT = 90;

export interface History {
  times: string[];
  p50: number[];
  p99: number[];
  memory: number[];
  rate: number[];
}

export class Measured {
  #all = new Map<string, History & { calls: number; at: number }>();

  take(plugins: readonly PluginRow[], now: number): void {
    for (const { id, metrics = {}, usage } of plugins) {
      const calls = metrics.calls ?? 0;
      const known = this.#all.get(id);
      const one = known ?? { times: [], p50: [], p99: [], memory: [], rate: [], calls, at: now };
      const seconds = (now - one.at) / 1000;
      if (known && seconds < 0.5) continue;
      push(one.times, new Date(now).toLocaleTimeString());
      push(one.p50, (metrics.p50Us ?? 0) / 1000);
      push(one.p99, (metrics.p99Us ?? 0) / 1000);
      push(one.memory, usage?.rssBytes ?? usage?.memoryBytes ?? 0);
      push(one.rate, seconds > 0 ? Math.max(0, calls - one.calls) / seconds : 0);
      one.calls = calls;
      one.at = now;
      this.#all.set(id, one);
    }
  }

  of(id: string): History {
    return this.#all.get(id) ?? { times: [], p50: [], p99: [], memory: [], rate: [] };
  }
}

function push<T>(list: T[], value: T): void {
  list.push(value);
  if (list.length > KEPT) list.shift();
}
