// The chat platforms: how each account really is, starting and stopping, who asks to be let in, and signing in by code.
import { html, nothing, type TemplateResult } from "lit";
import { app, gateway, link } from "../app/state";
import type { ChannelAccount, ChannelsStatus } from "../gateway/types";
import { ago, badge, empty, note, span, type Tone } from "../ui/bits";
import { confirm } from "../ui/dialog";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { toast } from "../ui/toast";
import { define } from "../ui/view";
import { qrLogin } from "./qr-login";

interface Pairing {
  requestId: string;
  channel: string;
  channelLabel?: string;
  accountId: string;
  senderId: string;
  senderLabel?: string;
  createdAt?: string;
  expiresAt?: string;
}

/** What is to be said of an account: the word, how bad it is, and why. */
export function judge(account: ChannelAccount): { word: string; tone: Tone; why: string } {
  const why = account.lastError ?? account.probe?.error ?? "";
  if (account.enabled === false) return { word: "Switched off", tone: "", why: "" };
  if (account.linked === false) return { word: "Not signed in", tone: "warn", why };
  const state = account.state ?? (account.connected ? "connected" : account.running ? "connecting" : "stopped");
  if (account.probe?.ok === false) return { word: "Does not answer", tone: "bad", why };
  switch (state) {
    case "connected":
      return { word: "Connected", tone: "good", why };
    case "degraded":
      return { word: "Works with faults", tone: "warn", why };
    case "connecting":
      return { word: "Connecting", tone: "warn", why };
    case "failed":
      return { word: "Failed", tone: "bad", why };
    default:
      return { word: "Stopped", tone: "", why };
  }
}

export class ChannelsPage extends Page {
  protected override readonly heading = "Channels";
  protected override readonly lead = "Where people reach your assistant. The state is the platform's own, not only ours.";
  protected override readonly needs = ["channels.status"];
  protected override readonly everyMs = 5_000;
  #status: ChannelsStatus | undefined;
  #pairings: Pairing[] = [];
  #probes = new Map<string, ChannelAccount["probe"]>();

  protected override async load(): Promise<void> {
    const [status, pairings] = await Promise.all([
      gateway.request<ChannelsStatus>("channels.status", {}),
      gateway.has("channels.pairing.list") ? gateway.request<{ requests: Pairing[] }>("channels.pairing.list").catch(() => undefined) : undefined,
    ]);
    this.#status = status;
    this.#pairings = pairings?.requests ?? [];
    if (app.pendingPairings !== this.#pairings.length) {
      app.pendingPairings = this.#pairings.length;
      app.changed();
    }
  }

  protected override actions(): TemplateResult {
    const busy = this.busy("The platforms could not be checked");
    return html`<button class="btn" ?disabled=${busy} @click=${this.#probe}>${busy ? html`<span class="spinner"></span>` : icon("refresh")}Check now</button>`;
  }

  protected override body(): TemplateResult {
    const status = this.#status;
    if (!status?.channelOrder.length) {
      return html`<div class="card">${empty("channels", "No channel yet", html`Connect a messenger and your assistant answers there too. Until then, talk to it right here.`, html`<a class="btn primary" href=${link("setup")}>Connect one</a><a class="btn" href=${link("chat")}>Chat here</a>`)}</div>`;
    }
    return html`${this.#waiting()}<div class="stack wide">${status.channelOrder.map((id) => this.#channel(id, status))}</div>`;
  }

  #waiting(): TemplateResult | typeof nothing {
    if (!this.#pairings.length) return nothing;
    return html`<section class="card" aria-labelledby="pairing"><div class="head">${icon("key")}<h2 id="pairing">Waiting for your approval</h2>${badge(String(this.#pairings.length), "accent")}</div>
      <div class="body flush">${this.#pairings.map((one) => html`<div class="list-item acts">
        <div class="grow"><strong>${one.senderLabel || one.senderId}</strong><div class="small muted">writes over ${one.channelLabel ?? one.channel} · <span class="mono">${one.senderId}</span>${one.createdAt ? html` · ${ago(Date.parse(one.createdAt))}` : nothing}</div></div>
        <button class="btn small" @click=${() => this.#decide(one, "dismiss")}>Dismiss</button><button class="btn small primary" @click=${() => this.#decide(one, "approve")}>Let in</button>
      </div>`)}</div></section>`;
  }

  #channel(id: string, status: ChannelsStatus): TemplateResult {
    const accounts = status.channelAccounts[id] ?? [];
    const label = status.channelLabels[id] ?? id;
    return html`<section class="card" aria-label=${label}>
      <div class="head"><span class="glyph">${label.charAt(0).toUpperCase()}</span><h2 class="grow">${label}</h2><span class="small faint">${accounts.length} account${accounts.length === 1 ? "" : "s"}</span></div>
      <div class="body flush">${accounts.map((account) => this.#account(id, account))}</div>
    </section>`;
  }

  #account(channel: string, given: ChannelAccount): TemplateResult {
    const key = `${channel}/${given.accountId}`;
    const account = { ...given, probe: given.probe ?? this.#probes.get(key) ?? null };
    const { word, tone, why } = judge(account);
    const stopped = !account.running;
    const act = stopped ? "start" : "stop";
    const what = `${key} did not ${act}`;
    const offers = gateway.has(`channels.${act}`);
    const byCode = account.linked === false && gateway.has("web.login.start");
    return html`<div class="list-item account acts top">
      <span class="dot ${tone}"></span>
      <div class="grow stack tight">
        <div class="row wrap"><strong>${name(account)}</strong>${badge(word, tone)}${account.probe?.ok ? badge(`answers in ${span(account.probe.elapsedMs)}`, "good") : nothing}</div>
        <div class="small muted">${account.lastInboundAt ? `Last message ${ago(account.lastInboundAt)}` : "No message yet"}${account.lastEventAt ? ` · last seen ${ago(account.lastEventAt)}` : ""}</div>
        ${why ? note(tone === "bad" ? "bad" : "warn", why) : nothing}
      </div>
      ${byCode ? html`<button class="btn small primary" @click=${() => this.#login(channel, account)}>Sign in by code</button>` : nothing}
      ${offers ? html`<button class="btn small" ?disabled=${this.busy(what)} @click=${() => this.#switch(channel, account, act, what)}>${this.busy(what) ? html`<span class="spinner"></span>` : icon(stopped ? "play" : "pause")}${stopped ? "Start" : "Stop"}</button>` : nothing}
    </div>`;
  }

  readonly #probe = async (): Promise<void> => {
    await this.act("The platforms could not be checked", async () => {
      const status = await gateway.request<ChannelsStatus>("channels.status", { probe: true, timeoutMs: 10_000 }, 20_000);
      for (const [channel, accounts] of Object.entries(status.channelAccounts)) {
        for (const account of accounts) this.#probes.set(`${channel}/${account.accountId}`, account.probe ?? null);
      }
      this.#status = status;
    });
  };

  async #switch(channel: string, account: ChannelAccount, act: "start" | "stop", what: string): Promise<void> {
    if (act === "stop") {
      const yes = await confirm({ title: `Stop ${name(account)}?`, body: "Messages that come meanwhile wait at the platform, as far as it keeps them.", action: "Stop", danger: true });
      if (!yes) return;
    }
    await this.act(what, () => gateway.request(`channels.${act}`, { channel, accountId: account.accountId }));
    await this.reload();
  }

  async #decide(one: Pairing, how: "approve" | "dismiss"): Promise<void> {
    const { channel, accountId, requestId } = one;
    const done = await this.act("The request was not decided", () => gateway.request(`channels.pairing.${how}`, { channel, accountId, requestId }));
    if (done && how === "approve") toast({ tone: "good", title: `${one.senderLabel || one.senderId} is let in`, body: "What they write from now on is answered." });
    await this.reload();
  }

  async #login(channel: string, account: ChannelAccount): Promise<void> {
    if (await qrLogin(channel, account.accountId)) toast({ tone: "good", title: "Signed in" });
    await this.reload();
  }
}

function name(account: ChannelAccount): string {
  const { identity } = account;
  if (typeof identity === "string" && identity) return identity;
  if (identity && typeof identity === "object") {
    const { name, username, label } = identity as Record<string, unknown>;
    const found = name ?? username ?? label;
    if (typeof found === "string" && found) return found;
  }
  return account.accountId;
}

define("oc-channels", ChannelsPage);
