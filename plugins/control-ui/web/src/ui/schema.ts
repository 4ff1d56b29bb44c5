// JSON schemas as forms need them, and changes of values as the gateway takes them. Pure.

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema | boolean>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  items?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  writeOnly?: boolean;
  deprecated?: boolean;
  "x-ui"?: Hint;
  [key: string]: unknown;
}

export interface Hint {
  label?: string;
  help?: string;
  placeholder?: string;
  group?: string;
  order?: number;
  advanced?: boolean;
  sensitive?: boolean;
}

export type Kind = "object" | "map" | "list" | "choice" | "text" | "secret" | "number" | "integer" | "boolean" | "json";
export const REDACTED = "__OPENCLAW_REDACTED__";
const SECRET = /token|secret|password|apikey|api_key|credential/i;

/** The schema behind references, without "or nothing". */
export function resolve(schema: Schema | boolean | undefined, root: Schema): Schema {
  let found: Schema = schema && schema !== true ? schema : {};
  for (let depth = 0; depth < 16; depth++) {
    if (found.$ref) {
      const { $ref, ...own } = found;
      found = { ...pointer(root, $ref), ...own };
      continue;
    }
    const [only] = found.allOf ?? [];
    if (only && found.allOf?.length === 1) {
      const { allOf: _, ...own } = found;
      found = { ...only, ...own };
      continue;
    }
    const choices = (found.anyOf ?? found.oneOf)?.filter((choice) => choice.type !== "null");
    if (choices?.length === 1 && choices[0]) {
      const { anyOf: _a, oneOf: _o, ...own } = found;
      found = { ...choices[0], ...own };
      continue;
    }
    return found;
  }
  return found;
}

function pointer(root: Schema, ref: string): Schema {
  let at: unknown = root;
  for (const step of ref.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    at = (at as Record<string, unknown> | undefined)?.[step.replace(/~1/g, "/").replace(/~0/g, "~")];
  }
  return at && typeof at === "object" ? (at as Schema) : {};
}

/** What is entered for it. */
export function kindOf(schema: Schema, name: string, hint: Hint = {}): Kind {
  if (schema.enum || constants(schema)) return "choice";
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((type) => type && type !== "null");
  if (types.length > 1 || (schema.anyOf ?? schema.oneOf)) return secretChoice(schema, name, hint) ? "secret" : "json";
  switch (types[0]) {
    case "object":
      return schema.properties ? "object" : "map";
    case "array":
      return "list";
    case "boolean":
      return "boolean";
    case "integer":
      return "integer";
    case "number":
      return "number";
    case "string":
      return hint.sensitive || schema.writeOnly || schema.format === "password" || SECRET.test(name) ? "secret" : "text";
    default:
      return schema.properties ? "object" : "json";
  }
}

/** A secret is written as text or as a reference to where it is; text is what a form can take. */
function secretChoice(schema: Schema, name: string, hint: Hint): boolean {
  const choices = schema.anyOf ?? schema.oneOf ?? [];
  return choices.some((choice) => choice.type === "string") && Boolean(hint.sensitive || SECRET.test(name));
}

/** The values of a choice that is written as constants. */
export function constants(schema: Schema): { value: unknown; text: string }[] | undefined {
  if (schema.enum) return schema.enum.filter((value) => value !== null).map((value) => ({ value, text: String(value) }));
  const choices = (schema.oneOf ?? schema.anyOf)?.filter((choice) => choice.type !== "null");
  if (!choices?.length) return undefined;
  const values = choices.flatMap((choice) =>
    "const" in choice ? [{ value: choice.const, text: choice.title ?? String(choice.const) }]
    : choice.enum?.length === 1 ? [{ value: choice.enum[0], text: String(choice.enum[0]) }]
    : [],
  );
  return values.length === choices.length ? values : undefined;
}

/** The schema at a place of a document. */
export function schemaAt(root: Schema, path: readonly string[]): Schema | undefined {
  let at: Schema | undefined = resolve(root, root);
  for (const step of path) {
    const own: Schema | boolean | undefined = at.properties?.[step] ?? at.additionalProperties;
    if (!own || own === true) return undefined;
    at = resolve(own, root);
  }
  return at;
}

/** `maxDice` as `Max dice`. */
export function words(name: string): string {
  const split = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[_-]+/g, " ").toLowerCase();
  return split.charAt(0).toUpperCase() + split.slice(1);
}

export function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, step) => (inner && typeof inner === "object" ? (inner as Record<string, unknown>)[step] : undefined), value);
}

/** The value with another one at a place; nothing there takes the key away. */
export function put(value: unknown, path: readonly string[], to: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return to;
  const inner = value && typeof value === "object" && !Array.isArray(value) ? { ...(value as Record<string, unknown>) } : {};
  const next = put(inner[step], rest, to);
  if (next === undefined) delete inner[step];
  else inner[step] = next;
  return inner;
}

const isObject = (value: unknown): value is Record<string, unknown> => Boolean(value) && typeof value === "object" && !Array.isArray(value);

export function same(a: unknown, b: unknown): boolean {
  if (isObject(a) && isObject(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].every((key) => same(a[key], b[key]));
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, n) => same(item, b[n]));
  return Object.is(a, b);
}

/** What turns one value into the other as a merge patch: only what differs, and null for what goes. */
export function mergePatch(from: unknown, to: unknown): unknown {
  if (!isObject(from) || !isObject(to)) return to;
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(from)) if (!(key in to)) patch[key] = null;
  for (const [key, value] of Object.entries(to)) if (!same(from[key], value)) patch[key] = mergePatch(from[key], value);
  return patch;
}

/** A value with a merge patch on top. */
export function merged(value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const whole: Record<string, unknown> = isObject(value) ? { ...value } : {};
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete whole[key];
    else whole[key] = merged(whole[key], change);
  }
  return whole;
}

/** Must this be entered? What a group needs it needs only if there has to be that group, or if something is in it. */
export function isNeeded(group: Schema, name: string, value: unknown, isThere: boolean): boolean {
  return Boolean(group.required?.includes(name)) && (isThere || (isObject(value) && Object.keys(value).length > 0));
}

/** What is wrong with an entered value, in words; nothing if it is right. */
export function wrongWith(value: unknown, schema: Schema, required: boolean): string | undefined {
  if (value === undefined || value === "") return required ? "This is needed." : undefined;
  if (typeof value === "number") {
    if (Number.isNaN(value)) return "This is no number.";
    if (schema.type === "integer" && !Number.isInteger(value)) return "This must be a whole number.";
    if (schema.minimum !== undefined && value < schema.minimum) return `At least ${schema.minimum}.`;
    if (schema.maximum !== undefined && value > schema.maximum) return `At most ${schema.maximum}.`;
  }
  if (typeof value === "string" && value !== REDACTED) {
    if (schema.minLength && value.length < schema.minLength) return `At least ${schema.minLength} characters.`;
    if (schema.maxLength && value.length > schema.maxLength) return `At most ${schema.maxLength} characters.`;
    if (schema.pattern && !matches(schema.pattern, value)) return `This must match ${schema.pattern}.`;
  }
  return undefined;
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true; // the gateway decides
  }
}
