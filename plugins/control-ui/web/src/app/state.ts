// What all pages share: the connection, who we are, and where in the page we are.
import { Client, type Credentials } from "../gateway/client";
import { keys, socketAddress, takeFragmentToken } from "../gateway/keys";
import type { AgentRow, Hello, SessionRow } from "../gateway/types";

export const VERSION = "0.1.0";
const address = socketAddress();

export const gateway = new Client(address, VERSION);

export interface Place {
  page: string;
  rest: string;
}

class App extends EventTarget {
  place: Place = here();
  agents: AgentRow[] = [];
  defaultAgent = "main";
  mainKey = "agent:main:main";
  pendingApprovals = 0;
  pendingDevices = 0;
  pendingPairings = 0;
  /** Said to screen readers when an answer is there. */
  announcement = "";

  constructor() {
    super();
    addEventListener("hashchange", () => {
      // a link with a token, opened where the page is already
      const token = takeFragmentToken();
      if (token) signIn(token);
      this.place = here();
      this.changed();
    });
    gateway.on("phase", () => this.changed());
  }

  changed(): void {
    this.dispatchEvent(new Event("change"));
  }

  watch(listener: () => void): () => void {
    this.addEventListener("change", listener);
    return () => this.removeEventListener("change", listener);
  }

  announce(text: string): void {
    // the same words twice are two announcements, where only what changes is said
    this.announcement = text === this.announcement ? `${text}\u00a0` : text;
    this.changed();
  }
}

export const app = new App();

function here(): Place {
  const [page = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  return { page: page || "chat", rest: decode(rest.join("/")) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const link = (page: string, rest = "") => `#/${page}${rest ? `/${encodeURIComponent(rest)}` : ""}`;

export function go(page: string, rest = ""): void {
  location.hash = link(page, rest);
}

/** Signs in, with the token that was just entered or with what this browser has kept. */
export function signIn(entered?: string): void {
  if (entered) {
    keys.keepToken(address, entered);
    gateway.connect({ token: entered });
    return;
  }
  const token = keys.token(address);
  const deviceToken = keys.deviceToken(address);
  const credentials: Credentials = token ? { token } : { deviceToken };
  gateway.connect(credentials);
}

/** Forgets what lets this browser in. */
export function signOut(): void {
  keys.forgetToken(address);
  keys.forgetDeviceToken(address);
  gateway.disconnect();
}

export function welcomed(hello: Hello): void {
  if (hello.auth.deviceToken) keys.keepDeviceToken(address, hello.auth.deviceToken);
  const defaults = hello.snapshot.sessionDefaults;
  if (defaults?.defaultAgentId) app.defaultAgent = defaults.defaultAgentId;
  app.mainKey = defaults?.mainSessionKey ?? `agent:${app.defaultAgent}:main`;
}

/** A token that is wrong must not be tried again: this browser's own key may be good, and wrong tries are counted. */
export function forgetToken(): void {
  keys.forgetToken(address);
}

/** A device token that is no longer good must not be tried again. */
export function forgetDeviceToken(): void {
  keys.forgetDeviceToken(address);
}

export function sessionTitle(row: SessionRow): string {
  return row.label || withoutNotes(row.displayName || row.derivedTitle || "") || keyTitle(row.key);
}

/** A line of a conversation with files in it, by their names: the gateway notes them as `<media:kind> (name, …)`. */
export function withoutNotes(line: string): string {
  return line.replace(/<media:\w+>(?: \(([^,)]+)[^)]*\)?)?/g, (_, name?: string) => name ?? "a file").trim();
}

export function keyTitle(key: string): string {
  const parts = key.split(":");
  const rest = parts[0] === "agent" ? parts.slice(2) : parts;
  if (rest.length === 1 && rest[0] === "main") return "Main conversation";
  if (rest[0] === "dashboard") return "New conversation";
  return rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" · ") || key;
}
