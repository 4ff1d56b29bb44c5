// Slash commands, as they are completed. Pure.
import type { CommandRow } from "../gateway/types";

/** Commands that go with what is written so far. */
export function suggestions(written: string, commands: readonly CommandRow[]): { name: string; description: string }[] {
  const word = /^\/([\w-]*)$/.exec(written)?.[1]?.toLowerCase();
  if (word === undefined) return [];
  const all = commands.map((command) => ({ name: alias(command), description: command.description ?? "" }));
  return all
    .filter(({ name }) => name.slice(1).toLowerCase().startsWith(word))
    .sort((a, b) => a.name.localeCompare(b.name))
    .slice(0, 40);
}

function alias(command: CommandRow): string {
  const name = command.textAliases?.[0] ?? command.name;
  return name.startsWith("/") ? name : `/${name}`;
}
