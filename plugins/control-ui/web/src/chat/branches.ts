// Going back in a conversation, and the ways that it went: what was said is never lost, it stays as a branch.
import { html, type TemplateResult } from "lit";
import { gateway, go } from "../app/state";
import { ago } from "../ui/bits";
import { confirm } from "../ui/dialog";
import { failed, toast } from "../ui/toast";
import type { Attachment, Conversation } from "./conversation";
import { drafts } from "./drafts";
import { attached } from "./transcript";

export interface Branch {
  leafEntryId: string;
  headline: string;
  messageCount: number;
  updatedAt?: string;
  active: boolean;
}

/** A message that is written anew. */
interface Editor {
  sessionKey?: string;
  editorText?: string;
  editorAttachments?: { mimeType: string; data: string }[];
}

const SAFE = /^image\/(png|jpe?g|gif|webp)$/;

/** The files of a message, as whoever wrote it had attached them. */
export function files(editor: Editor): Attachment[] {
  return (editor.editorAttachments ?? []).map(({ mimeType, data }, at) => ({
    name: `picture-${at + 1}.${mimeType.replace(/^image\//, "").replace(/\W.*$/, "")}`,
    mimeType,
    bytes: Math.floor((data.replace(/=+$/, "").length * 3) / 4),
    content: data,
    ...(SAFE.test(mimeType) ? { preview: `data:${mimeType};base64,${data}` } : {}),
  }));
}

/** The conversation goes back to before a message, which is written anew. */
export async function rewind(conversation: Conversation, entryId: string): Promise<void> {
  const begun = drafts.of(conversation.key).trim();
  if (begun && !(await confirm({ title: "Replace what you have begun to write?", body: `“${begun.slice(0, 200)}” was not sent.`, action: "Replace it", danger: true }))) return;
  const editor = await gateway
    .request<Editor>("sessions.rewind", { sessionKey: conversation.key, entryId })
    .catch((error: unknown) => void failed("The message can't be edited", error));
  if (!editor) return;
  drafts.begin(conversation.key, attached(editor.editorText ?? "").text, files(editor));
  conversation.recast();
  conversation.dispatchEvent(new Event("draft"));
  toast({ tone: "info", title: "Edit the message and send it", body: "What was said after it is kept under Branches." });
}

/** A conversation of its own begins before a message, which is written anew there. */
export async function fork(conversation: Conversation, entryId: string): Promise<void> {
  const editor = await gateway
    .request<Editor>("sessions.fork", { sessionKey: conversation.key, entryId })
    .catch((error: unknown) => void failed("The conversation was not copied", error));
  if (!editor?.sessionKey) return;
  drafts.begin(editor.sessionKey, attached(editor.editorText ?? "").text, files(editor));
  go("chat", editor.sessionKey);
}

/** Shows the ways that a conversation went, and goes on with the one that is picked. */
export async function pick(conversation: Conversation): Promise<void> {
  const listed = await gateway
    .request<{ branches: Branch[] }>("sessions.branches.list", { sessionKey: conversation.key })
    .catch((error: unknown) => void failed("The branches can't be listed", error));
  if (!listed) return;
  const { branches } = listed;
  if (branches.length < 2) {
    toast({ tone: "info", title: "There is one branch", body: "Edit a message that you sent to go on another way. What was said after it is kept." });
    return;
  }
  let chosen = branches.find(({ active }) => active)?.leafEntryId;
  const row = (branch: Branch): TemplateResult => html`<label class="choice">
    <input type="radio" name="branch" .checked=${branch.active} @change=${() => (chosen = branch.leafEntryId)} />
    <span class="grow clip"><span class="clip" dir="auto">${branch.headline || "(no text)"}</span>
    <span class="tiny faint">${branch.active ? "Goes on now · " : ""}${branch.messageCount} messages${branch.updatedAt ? ` · ${ago(Date.parse(branch.updatedAt))}` : ""}</span></span>
  </label>`;
  const body = html`<div class="choices" role="radiogroup" aria-label="Branches">${branches.map(row)}</div>`;
  const yes = await confirm({ title: "Branches of this conversation", body, action: "Go on with it", wide: true });
  if (!yes || !chosen || branches.find(({ active }) => active)?.leafEntryId === chosen) return;
  await gateway
    .request("sessions.branches.switch", { sessionKey: conversation.key, leafEntryId: chosen })
    .then(() => conversation.recast())
    .catch((error: unknown) => failed("The branch was not switched", error));
}
