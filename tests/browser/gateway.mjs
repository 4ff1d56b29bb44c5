// The real program in a home of its own, for tests: started, killed, started again.
import { execFile, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
/** Longest that anything may take. */
export const PATIENCE = 60_000;
/** Longest that it may take to stop when it is asked to. */
const STOP_MS = 10_000;
export const TOKEN = "a-token-for-the-browser-tests-0001";

/** The program, from where the build says or where cargo leaves it. */
export function program() {
  return process.env.OPENCLAW_TEST_BIN ?? join(TARGET, "debug", "openclaw");
}

function library(id) {
  for (const folder of [process.env.OPENCLAW_TEST_PLUGINS, process.env.OPENCLAW_TEST_FIXTURES]) {
    if (folder && existsSync(join(folder, `${id}.so`))) return join(folder, `${id}.so`);
  }
  return join(TARGET, "debug", `libopenclaw_plugin_${id.replaceAll("-", "_")}.so`);
}

export class Gateway {
  constructor(plugins = ["control-ui", "demo"]) {
    this.state = mkdtempSync(join(tmpdir(), "openclaw-browser-"));
    this.plugins = join(this.state, "plugins");
    mkdirSync(this.plugins);
    for (const id of plugins) copyFileSync(library(id), join(this.plugins, `${id}.so`));
    this.port = 0;
    this.log = "";
  }

  configure(config) {
    writeFileSync(join(this.state, "openclaw.json"), JSON.stringify({ gateway: { mode: "local", auth: { token: TOKEN } }, ...config }, null, 2), { mode: 0o600 });
  }

  /** Starts it, on the port that it had. */
  async start() {
    const child = spawn(program(), ["gateway", "--port", String(this.port), "--bind", "loopback", "--verbose"], { env: this.#env(), stdio: ["ignore", "ignore", "pipe"] });
    this.child = child;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the gateway did not get ready:\n${this.log}`)), PATIENCE);
      child.stderr.on("data", (bytes) => {
        this.log += bytes;
        const port = /127\.0\.0\.1:(\d+)/.exec(this.log)?.[1];
        if (port && /\bready\b/.test(this.log.slice(this.log.indexOf(port)))) {
          this.port = Number(port);
          clearTimeout(timer);
          resolve();
        }
      });
      child.once("exit", (code) => reject(new Error(`the gateway ended with ${code}:\n${this.log}`)));
    });
    child.removeAllListeners("exit");
    return this;
  }

  /** Runs a command of the program to its end. */
  async cli(args) {
    const { stdout } = await promisify(execFile)(program(), args, { env: { ...this.#env(), OPENCLAW_GATEWAY_PORT: String(this.port) }, timeout: PATIENCE });
    return stdout;
  }

  #env() {
    return {
      PATH: process.env.PATH, HOME: this.state, OPENCLAW_STATE_DIR: this.state,
      OPENCLAW_BUNDLED_PLUGINS_DIR: this.plugins, OPENCLAW_LOG: "info",
    };
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Ends it at once, as a power cut would. */
  async kill(signal = "SIGKILL") {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await gone;
    clearTimeout(late);
    this.log = "";
  }

  async [Symbol.asyncDispose]() {
    await this.kill("SIGTERM");
    rmSync(this.state, { recursive: true, force: true });
  }
}
