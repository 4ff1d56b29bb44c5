import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client, GatewayError, type Phase } from "../src/gateway/client";

const own = vi.hoisted(() => ({ broken: false }));
vi.mock("../src/gateway/device", () => ({
  device: () => (own.broken ? Promise.reject(new Error("storage is off")) : Promise.resolve({ id: "d", publicKey: "k", sign: () => Promise.resolve("s") })),
  signedText: () => "",
}));

interface Frame {
  id: string;
  method: string;
}

/** The other end of a connection, as the test plays it. */
class Line {
  static readonly OPEN = 1;
  static last: Line | undefined;
  readyState = 1;
  sent: Frame[] = [];
  onmessage: ((event: { data: string }) => void) | undefined;
  onclose: ((event: { code: number; reason: string }) => void) | undefined;

  constructor() {
    Line.last = this;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Frame);
  }

  close(code = 1000, reason = ""): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  say(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

beforeEach(() => {
  own.broken = false;
  vi.stubGlobal("WebSocket", Line);
  vi.stubGlobal("navigator", { userAgent: "", platform: "", language: "en" });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function connecting(): { client: Client; line: Line } {
  const client = new Client("ws://gateway/", "0");
  client.connect({ token: "t" });
  const line = Line.last;
  if (!line) throw new Error("it opened no connection");
  line.say({ type: "event", event: "connect.challenge", payload: { nonce: "n", ts: 1 } });
  return { client, line };
}

async function ready(): Promise<{ client: Client; line: Line }> {
  const both = connecting();
  await vi.waitFor(() => expect(both.line.sent).toHaveLength(1));
  const hello = { server: { version: "1", connId: "c" }, features: { methods: ["chat.send"], events: [] }, snapshot: {}, auth: { role: "operator", scopes: [] }, policy: { maxPayload: 1000 } };
  both.line.say({ type: "res", id: both.line.sent[0]?.id, ok: true, payload: hello });
  await vi.waitFor(() => expect(both.client.phase.name).toBe("ready"));
  return both;
}

describe("a connection", () => {
  it("is not ended by a request that the gateway would not take", async () => {
    const { client, line } = await ready();
    const refused = (message: string) => client.request("chat.send", { message }).then(() => undefined, (error: unknown) => error);
    for (const text of ["x".repeat(1000), "ü".repeat(500)]) {
      const error = await refused(text);
      expect(error).toBeInstanceOf(GatewayError);
      expect([(error as GatewayError).code, (error as GatewayError).isLost]).toEqual(["TOO_LARGE", false]);
    }
    expect(line.sent).toHaveLength(1);
    const taken = client.request("chat.send", { message: "x".repeat(500) });
    line.say({ type: "res", id: line.sent[1]?.id, ok: true, payload: {} });
    await taken;
    client.disconnect();
  });

  it("tells what was missed", async () => {
    const { client, line } = await ready();
    let gaps = 0;
    client.on("gap", () => (gaps += 1));
    for (const seq of [1, 2, 4, 5]) line.say({ type: "event", event: "tick", seq });
    expect(gaps).toBe(1);
    client.disconnect();
  });

  it("of a browser without a key says so at once", async () => {
    own.broken = true;
    const { client } = connecting();
    await vi.waitFor(() => expect(client.phase.name).toBe("refused"));
    const phase: Phase = client.phase;
    expect(phase.name === "refused" && phase.error.message).toContain("storage is off");
    client.disconnect();
  });
});
