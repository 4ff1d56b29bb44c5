// The configuration as pages read and change it: always against the version that was read, so that nobody's change is
// lost.
import { GatewayError } from "../gateway/client";
import type { ConfigSnapshot } from "../gateway/types";
import { at, mergePatch, put, schemaAt, type Hint, type Schema } from "../ui/schema";
import { gateway } from "./state";

export interface KnownSchema {
  root: Schema;
  hints: Record<string, Hint>;
}

let schema: Promise<KnownSchema> | undefined;

export const readConfig = () => gateway.request<ConfigSnapshot>("config.get", {});

/** The schema of the whole file. It is large, and the same as long as the plugins are. */
export function readSchema(): Promise<KnownSchema> {
  schema ??= gateway.request<{ schema: Schema; uiHints?: Record<string, Hint> }>("config.schema", {}).then(({ schema: root, uiHints }) => ({ root, hints: uiHints ?? {} }));
  schema.catch(() => (schema = undefined));
  return schema;
}

export function forgetSchema(): void {
  schema = undefined;
}

/** What the file says, with secrets hidden. */
export function source(snapshot: ConfigSnapshot): Record<string, unknown> {
  return snapshot.sourceConfig ?? snapshot.parsed ?? snapshot.config ?? {};
}

/** The schema of a part, with the hints that are about it. */
export function partOf(known: KnownSchema, path: readonly string[]): { schema: Schema; hints: Record<string, Hint> } | undefined {
  const found = schemaAt(known.root, path);
  if (!found) return undefined;
  const prefix = `${path.join(".")}.`;
  const hints = Object.entries(known.hints).filter(([name]) => name.startsWith(prefix));
  return { schema: found, hints: Object.fromEntries(hints.map(([name, hint]) => [name.slice(prefix.length), hint])) };
}

export const canChange = () => gateway.has("config.get") && gateway.has("config.patch");

/** Changes one part of the file, and nothing else. */
export async function changePart(snapshot: ConfigSnapshot, path: readonly string[], to: unknown): Promise<void> {
  const before = at(source(snapshot), path);
  const patch = put({}, path, before === undefined ? to : mergePatch(before, to));
  const base = snapshot.hash ? { baseHash: snapshot.hash } : {};
  await gateway.request("config.patch", { raw: JSON.stringify(patch, null, 2), ...base }, 60_000);
}

/** The same, on whatever the file says now. For single switches, which no other change can contradict. */
export async function changeNow(path: readonly string[], to: unknown): Promise<void> {
  try {
    await changePart(await readConfig(), path, to);
  } catch (error) {
    if (!isConflict(error)) throw error;
    await changePart(await readConfig(), path, to);
  }
}

/** Has somebody else changed the file? */
export function isConflict(error: unknown): boolean {
  return error instanceof GatewayError && /changed since last load|base ?hash/i.test(error.message);
}

/** What is wrong, line by line. */
export function issuesOf(error: unknown): { path: string; message: string }[] {
  if (!(error instanceof GatewayError) || !Array.isArray(error.details.issues)) return [];
  return error.details.issues.flatMap((issue: unknown) => {
    const { path, message } = (issue ?? {}) as { path?: unknown; message?: unknown };
    return typeof message === "string" ? [{ path: typeof path === "string" ? path : "", message }] : [];
  });
}
