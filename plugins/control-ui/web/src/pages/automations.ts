// What the gateway does by itself: at a time, again and again, and how it went.
import { html, nothing, type TemplateResult } from "lit";
import { app, gateway, link } from "../app/state";
import { ago, badge, empty, note, span, toggle, type Tone } from "../ui/bits";
import { confirm } from "../ui/dialog";
import { icon } from "../ui/icons";
import { Page } from "../ui/page";
import { toast } from "../ui/toast";
import { define } from "../ui/view";
import { asWritten, duration, inWords, type Schedule } from "./schedule";

interface Job {
  id: string;
  name?: string;
  displayName?: string;
  description?: string;
  agentId?: string;
  enabled: boolean;
  schedule: Schedule;
  sessionTarget?: string;
  payload?: { kind: string; message?: string; text?: string };
  state?: { nextRunAtMs?: number; lastRunAtMs?: number; lastRunStatus?: string; lastError?: string; runningAtMs?: number };
  nextRunAtMs?: number;
  lastRunAtMs?: number;
  lastRunStatus?: string;
  lastRunError?: string;
}

interface Run {
  ts: number;
  jobId: string;
  jobName?: string;
  status?: string;
  summary?: string;
  error?: string;
  durationMs?: number;
  sessionKey?: string;
}

const tone = (status: string | undefined): Tone => (status === "ok" ? "good" : status === "error" ? "bad" : status === "skipped" ? "warn" : "");

export class AutomationsPage extends Page {
  protected override readonly heading = "Automations";
  protected override readonly lead = "Tasks that begin by themselves. Each runs as if you had written its message at that time.";
  protected override readonly needs = ["cron.list"];
  protected override readonly follows = ["cron"];
  protected override readonly everyMs = 20_000;
  #jobs: Job[] = [];
  #runs: Run[] = [];
  #enabled = true;

  protected override async load(): Promise<void> {
    const [list, status, runs] = await Promise.all([
      gateway.request<{ jobs: Job[] }>("cron.list", { includeDisabled: true, limit: 200 }),
      gateway.has("cron.status") ? gateway.request<{ enabled: boolean }>("cron.status", {}).catch(() => undefined) : undefined,
      gateway.has("cron.runs") ? gateway.request<{ entries: Run[] }>("cron.runs", { scope: "all", limit: 30 }).catch(() => undefined) : undefined,
    ]);
    this.#jobs = list.jobs ?? [];
    this.#enabled = status?.enabled ?? true;
    this.#runs = runs?.entries ?? [];
  }

  protected override actions(): TemplateResult | typeof nothing {
    return gateway.has("cron.add") ? html`<button class="btn primary" @click=${this.#add}>${icon("plus")}New automation</button>` : nothing;
  }

  protected override body(): TemplateResult {
    return html`${this.#enabled ? nothing : note("warn", html`Automations are switched off: set <code>cron.enabled</code> to true.`)}
      <div class="card">${this.#jobs.length ? this.#jobs.map((job) => this.#job(job)) : empty("cron", "Nothing runs by itself yet", "Let the assistant look at your mail each morning, or remind you of something in an hour.", gateway.has("cron.add") ? html`<button class="btn primary" @click=${this.#add}>${icon("plus")}New automation</button>` : nothing)}</div>
      ${this.#runs.length ? html`<section class="card"><div class="head"><h2>What has run</h2></div><div class="body flush">${this.#runs.map((run) => html`<div class="list-item"><span class="dot ${tone(run.status)}"></span><div class="grow"><strong class="small">${run.jobName ?? this.#jobs.find(({ id }) => id === run.jobId)?.name ?? run.jobId}</strong><div class="small muted clip">${run.error ?? run.summary ?? ""}</div></div>${run.sessionKey ? html`<a class="small" href=${link("chat", run.sessionKey)}>Open</a>` : nothing}<span class="tiny faint number">${span(run.durationMs)}</span><span class="tiny faint">${ago(run.ts)}</span></div>`)}</div></section>` : nothing}`;
  }

  #job(job: Job): TemplateResult {
    const name = job.displayName || job.name || job.id;
    const last = job.lastRunStatus ?? job.state?.lastRunStatus;
    const next = job.nextRunAtMs ?? job.state?.nextRunAtMs;
    const error = job.lastRunError ?? job.state?.lastError;
    const what = `${name} was not changed`;
    return html`<div class="list-item acts">
      ${gateway.has("cron.update") ? toggle(`${name} is on`, job.enabled, (enabled) => void this.#do(what, () => gateway.request("cron.update", { id: job.id, patch: { enabled } })), { disabled: this.busy(what) }) : html`<span class="dot ${job.enabled ? "good" : ""}"></span>`}
      <div class="grow stack tight">
        <div class="row wrap"><strong>${name}</strong>${badge(inWords(job.schedule), "info")}${job.state?.runningAtMs ? badge("running", "accent", true) : last ? badge(last, tone(last)) : nothing}</div>
        <div class="small muted clip">${job.payload?.message ?? job.payload?.text ?? job.description ?? ""}</div>
        <div class="tiny faint">${job.enabled && next ? `Next ${ago(next)}` : "Not planned"}${job.lastRunAtMs ?? job.state?.lastRunAtMs ? ` · last ${ago(job.lastRunAtMs ?? job.state?.lastRunAtMs)}` : ""}${error && last === "error" ? html` · <span class="wrong-text">${error}</span>` : nothing}</div>
      </div>
      ${gateway.has("cron.run") ? html`<button class="btn small" @click=${() => this.#run(job, name)}>${icon("play")}Run now</button>` : nothing}
      ${gateway.has("cron.update") ? html`<button class="btn small quiet icon-only" aria-label="Change ${name}" title="Change" @click=${() => this.#edit(job, name)}>${icon("edit")}</button>` : nothing}
      ${gateway.has("cron.remove") ? html`<button class="btn small quiet danger icon-only" aria-label="Delete ${name}" title="Delete" @click=${() => this.#remove(job, name)}>${icon("trash")}</button>` : nothing}
    </div>`;
  }

  async #do(what: string, work: () => Promise<unknown>): Promise<void> {
    await this.act(what, work);
    await this.reload();
  }

  async #run(job: Job, name: string): Promise<void> {
    if (await this.act(`${name} did not run`, () => gateway.request("cron.run", { id: job.id, mode: "force" }))) toast({ tone: "good", title: `${name} runs`, body: "Its result appears below." });
    await this.reload();
  }

  async #remove(job: Job, name: string): Promise<void> {
    if (await confirm({ title: `Delete ${name}?`, body: "It does not run again. What it did before stays in its conversation.", action: "Delete", danger: true })) {
      await this.#do(`${name} was not deleted`, () => gateway.request("cron.remove", { id: job.id }));
    }
  }

  readonly #add = async (): Promise<void> => {
    const wish = await this.#ask("New automation", "Create");
    if (!wish) return;
    await this.#do("The automation was not made", () => gateway.request("cron.add", { ...wish, enabled: true, agentId: app.defaultAgent, wakeMode: "now" }));
  };

  async #edit(job: Job, name: string): Promise<void> {
    const patch = await this.#ask(`Change ${name}`, "Save", job);
    if (patch) await this.#do(`${name} was not changed`, () => gateway.request("cron.update", { id: job.id, patch }));
  }

  /** Asks for what an automation is; nothing if the answer is no. */
  async #ask(title: string, action: string, job?: Job): Promise<Record<string, unknown> | undefined> {
    const [kind, when] = job ? asWritten(job.schedule) : ["every", ""];
    const target = job?.sessionTarget ?? "isolated";
    const option = (value: string, chosen: boolean, text: string) => html`<option value=${value} ?selected=${chosen}>${text}</option>`;
    const body = html`<div class="form">
      <div class="field"><label for="job-name">Name</label><input class="input" id="job-name" name="name" required autofocus placeholder="Morning mail" .value=${job?.name ?? ""} /></div>
      <div class="field"><label for="job-message">What shall the assistant do?</label><textarea class="input" id="job-message" name="message" rows="3" required placeholder="Look at my mail and tell me what is urgent." .value=${job?.payload?.message ?? job?.payload?.text ?? ""}></textarea></div>
      <div class="field"><label for="job-kind">When</label><select class="input" id="job-kind" name="kind">${option("every", kind === "every", "Again and again")}${option("cron", kind === "cron", "By a cron expression")}${option("at", kind === "at", "Once")}</select></div>
      <div class="field"><label for="job-when">Time</label><input class="input" id="job-when" name="when" required placeholder="30m, 2h, 1d" aria-describedby="job-help" .value=${when} /><span class="hint" id="job-help">Again and again: <code>30m</code>, <code>2h</code>, <code>1d</code>. Cron: <code>0 7 * * 1-5</code>. Once: <code>20m</code> from now, or <code>2027-01-31 09:00</code>.</span></div>
      <div class="field"><label for="job-target">Conversation</label><select class="input" id="job-target" name="target">${option("isolated", target === "isolated", "One of its own")}${option("main", target === "main", "The main one")}${["isolated", "main"].includes(target) ? nothing : option(target, true, target)}</select></div>
    </div>`;
    let wish: Record<string, unknown> | undefined;
    const wrong = () => {
      const form = document.querySelector<HTMLFormElement>("dialog[open] form");
      const data = form ? new FormData(form) : undefined;
      const schedule = data && planned(data);
      wish = data && schedule && asked(data, schedule, job);
      return wish ? undefined : NO_TIME;
    };
    return (await confirm({ title, body, action, wrong })) ? wish : undefined;
  }
}

/** What was entered, as the gateway takes it. What the form does not ask for stays as the job has it. */
function asked(data: FormData, schedule: Schedule, job?: Job): Record<string, unknown> {
  const message = String(data.get("message"));
  const target = String(data.get("target"));
  const payload = target === "main" ? { kind: "systemEvent", text: message } : { kind: "agentTurn", message };
  const zone = schedule.kind === "cron" && job?.schedule.kind === "cron" && job.schedule.tz ? { tz: job.schedule.tz } : {};
  return {
    name: String(data.get("name")),
    schedule: { ...schedule, ...zone },
    sessionTarget: target,
    payload: job?.payload?.kind === payload.kind ? { ...job.payload, ...payload } : payload,
  };
}

const NO_TIME = "This is no time: write 30m, 2h or 1d; five fields for cron; or a date like 2027-01-31 09:00.";

/** What was entered as a schedule; nothing if it is none. */
function planned(data: FormData): Schedule | undefined {
  const when = String(data.get("when") ?? "").trim();
  const kind = String(data.get("kind") ?? "every");
  const ms = duration(when);
  if (kind === "cron" && when.split(/\s+/).length >= 5) return { kind: "cron", expr: when, tz: Intl.DateTimeFormat().resolvedOptions().timeZone };
  if (kind === "every" && ms) return { kind: "every", everyMs: ms };
  const at = ms ? Date.now() + ms : Date.parse(when.replace(" ", "T"));
  if (kind === "at" && Number.isFinite(at)) return { kind: "at", at: new Date(at).toISOString() };
  return undefined;
}

define("oc-automations", AutomationsPage);
