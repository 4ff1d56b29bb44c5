// The browsers, programs and nodes that are paired, and those that ask to be.
import { html, nothing, type TemplateResult } from "lit";
import { app, gateway } from "../app/state";
import { device } from "../gateway/device";
import { ago, badge, empty } from "../ui/bits";
import { ask, confirm } from "../ui/dialog";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { toast } from "../ui/toast";
import { define } from "../ui/view";

interface Request {
  requestId: string;
  deviceId: string;
  displayName?: string;
  platform?: string;
  clientId?: string;
  clientMode?: string;
  role?: string;
  scopes?: string[];
  ts?: number;
}

interface Paired extends Omit<Request, "requestId"> {
  roles?: string[];
  approvedVia?: string;
  approvedAtMs?: number;
  lastSeenAtMs?: number;
  connected?: boolean;
  label?: string;
  tokens?: { role: string; scopes?: string[]; createdAtMs?: number; rotatedAtMs?: number; revokedAtMs?: number }[];
}

interface NodeRow {
  nodeId: string;
  displayName?: string;
  platform?: string;
  version?: string;
  connected?: boolean;
  approvalState?: string;
  caps?: string[];
  commands?: string[];
  lastSeenAtMs?: number;
}

interface NodeRequest {
  requestId: string;
  nodeId: string;
  displayName?: string;
  commands?: string[];
  ts?: number;
}

/** Who let a device in. */
const VIA: Record<string, string> = { silent: "with the gateway's token", owner: "by you" };

export class DevicesPage extends Page {
  protected override readonly heading = "Devices";
  protected override readonly lead = "Who may use this gateway. Removing one ends its connections within a second.";
  protected override readonly needs = ["device.pair.list"];
  protected override readonly follows = ["device.pair.requested", "device.pair.resolved", "device.pair.changed", "node.pair.requested", "node.pair.resolved"];
  protected override readonly everyMs = 15_000;
  #pending: Request[] = [];
  #paired: Paired[] = [];
  #nodes: NodeRow[] = [];
  #nodeRequests: NodeRequest[] = [];
  #own = "";

  protected override async load(): Promise<void> {
    const optional = <T>(method: string) => (gateway.has(method) ? gateway.request<T>(method, {}).catch(() => undefined) : undefined);
    const [list, nodes, requests, own] = await Promise.all([
      gateway.request<{ pending: Request[]; paired: Paired[] }>("device.pair.list", {}),
      optional<{ nodes: NodeRow[] }>("node.list"),
      optional<{ pending: NodeRequest[] }>("node.pair.list"),
      device(),
    ]);
    this.#pending = list.pending ?? [];
    const rank = (one: Paired) => (one.deviceId === own.id ? 2 : one.connected ? 1 : 0);
    this.#paired = (list.paired ?? []).toSorted((a, b) => rank(b) - rank(a) || (b.lastSeenAtMs ?? 0) - (a.lastSeenAtMs ?? 0));
    this.#nodes = nodes?.nodes ?? [];
    this.#nodeRequests = requests?.pending ?? [];
    this.#own = own.id;
    app.pendingDevices = this.#pending.length;
    app.changed();
  }

  protected override body(): TemplateResult {
    return html`
      ${this.#pending.length ? html`<section class="card" aria-labelledby="asks"><div class="head">${icon("key")}<h2 id="asks">Asks to be let in</h2>${badge(String(this.#pending.length), "accent")}</div><div class="body flush">${this.#pending.map((one) => this.#request(one))}</div></section>` : nothing}
      ${this.#nodeRequests.length ? html`<section class="card"><div class="head">${icon("devices")}<h2>Nodes that ask for rights</h2></div><div class="body flush">${this.#nodeRequests.map((one) => html`<div class="list-item"><div class="grow"><strong>${one.displayName || one.nodeId.slice(0, 12)}</strong><div class="row wrap">${(one.commands ?? []).map((command) => html`<span class="chip">${command}</span>`)}</div></div><button class="btn small" @click=${() => this.#decide("node", "reject", one.requestId)}>Refuse</button><button class="btn small primary" @click=${() => this.#decide("node", "approve", one.requestId)}>Allow</button></div>`)}</div></section>` : nothing}
      <section class="card" aria-labelledby="paired"><div class="head"><h2 id="paired" class="grow">Paired</h2><span class="small faint">${this.#paired.length}</span></div>
        <div class="body flush">${this.#paired.length ? this.#paired.map((one) => this.#device(one)) : empty("devices", "No device", "Nothing is paired yet. Whoever signs in with the gateway's token appears here.")}</div></section>
      ${this.#nodes.length ? html`<section class="card" aria-labelledby="nodes"><div class="head"><h2 id="nodes">Nodes</h2></div><div class="body flush">${this.#nodes.map((node) => html`<div class="list-item"><span class="dot ${node.connected ? "good" : ""}"></span><div class="grow"><div class="row wrap"><strong>${node.displayName || node.nodeId.slice(0, 12)}</strong><span class="tiny faint">${node.platform} ${node.version}</span></div><div class="row wrap">${(node.commands ?? node.caps ?? []).slice(0, 12).map((cap) => html`<span class="chip">${cap}</span>`)}</div></div><span class="small muted">${node.connected ? "connected" : `seen ${ago(node.lastSeenAtMs)}`}</span></div>`)}</div></section>` : nothing}`;
  }

  #request(one: Request): TemplateResult {
    return html`<div class="list-item acts"><div class="grow stack tight"><strong>${nameOf(one)}</strong><div class="small muted">${one.platform ?? ""} · ${one.clientId ?? ""} · as ${one.role ?? "operator"} · ${ago(one.ts)}</div><div class="tiny mono faint clip">${one.deviceId}</div>${scopes(one.scopes)}</div>
      <button class="btn small" @click=${() => this.#decide("device", "reject", one.requestId)}>Refuse</button><button class="btn small primary" @click=${() => this.#decide("device", "approve", one.requestId)}>Let in</button></div>`;
  }

  #device(one: Paired): TemplateResult {
    const own = one.deviceId === this.#own;
    const role = one.tokens?.[0]?.role ?? one.role ?? "operator";
    return html`<div class="list-item top"><span class="dot ${one.connected ? "good" : ""}"></span><div class="grow stack tight">
        <div class="row wrap"><strong>${nameOf(one)}</strong>${own ? badge("this browser", "accent") : nothing}${(one.roles ?? [role]).map((name) => badge(name, name === "node" ? "info" : ""))}</div>
        <div class="small muted">${one.connected ? "Connected" : `Seen ${ago(one.lastSeenAtMs)}`} · paired ${ago(one.approvedAtMs)}${one.approvedVia ? ` ${VIA[one.approvedVia] ?? `(${one.approvedVia})`}` : ""} · <span class="mono tiny">${one.deviceId.slice(0, 12)}</span></div>
        ${scopes(one.tokens?.[0]?.scopes ?? one.scopes)}</div>
      <div class="row wrap device-acts">
        ${gateway.has("device.pair.rename") ? html`<button class="btn small quiet icon-only" aria-label="Rename ${nameOf(one)}" title="Rename" @click=${() => this.#rename(one)}>${icon("edit")}</button>` : nothing}
        ${gateway.has("device.token.rotate") && one.tokens?.length ? html`<button class="btn small quiet icon-only" aria-label="Give ${nameOf(one)} a new key" title="New key" @click=${() => this.#rotate(one, role)}>${icon("refresh")}</button>` : nothing}
        ${gateway.has("device.pair.remove") ? html`<button class="btn small danger quiet icon-only" aria-label="Remove ${nameOf(one)}" title="Remove" @click=${() => this.#remove(one, own)}>${icon("trash")}</button>` : nothing}
      </div></div>`;
  }

  async #decide(what: "device" | "node", how: "approve" | "reject", requestId: string): Promise<void> {
    await this.act("The request was not decided", () => gateway.request(`${what}.pair.${how}`, { requestId }));
    await this.reload();
  }

  async #rename(one: Paired): Promise<void> {
    const label = await ask("Rename the device", "Name", nameOf(one));
    if (!label) return;
    await this.act("The device was not renamed", () => gateway.request("device.pair.rename", { deviceId: one.deviceId, label }));
    await this.reload();
  }

  async #rotate(one: Paired, role: string): Promise<void> {
    if (!(await confirm({ title: `New key for ${nameOf(one)}?`, body: "Its old key stops working at once. It has to sign in with the gateway's token again.", action: "New key", danger: true }))) return;
    const done = await this.act("The key was not changed", () => gateway.request("device.token.rotate", { deviceId: one.deviceId, role }));
    if (done) toast({ tone: "good", title: "The old key no longer works" });
    await this.reload();
  }

  async #remove(one: Paired, own: boolean): Promise<void> {
    if (!(await confirm({ title: `Remove ${nameOf(one)}?`, body: own ? "This is the browser that you use now: you are signed out." : "It is disconnected and has to be let in again.", action: "Remove", danger: true }))) return;
    await this.act("The device was not removed", () => gateway.request("device.pair.remove", { deviceId: one.deviceId }));
    await this.reload();
  }
}

function nameOf(one: Request | Paired): string {
  return ("label" in one && one.label) || one.displayName || (one.clientId ? one.clientId.replace(/^openclaw-/, "").replaceAll("-", " ") : one.deviceId.slice(0, 12));
}

function scopes(all: readonly string[] | undefined): TemplateResult | typeof nothing {
  const names = all?.map((scope) => scope.replace(/^operator\./, "")) ?? [];
  // whoever has this one has all
  if (names.includes("admin")) return html`<div class="row wrap"><span class="chip" title=${names.join(", ")}>full access</span></div>`;
  return names.length ? html`<div class="row wrap">${names.map((name) => html`<span class="chip">${name}</span>`)}</div>` : nothing;
}

define("oc-devices", DevicesPage);
