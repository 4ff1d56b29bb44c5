import { afterEach, describe, expect, it, vi } from "vitest";
import * as ed from "@noble/ed25519";
import { createHash, createPublicKey, verify } from "node:crypto";
import { browserName } from "../src/gateway/browser";
import { portable, signedText } from "../src/gateway/device";
import { socketAddress, takeFragmentToken } from "../src/gateway/keys";

const fields = {
  clientId: "openclaw-control-ui", clientMode: "webchat", role: "operator", scopes: ["a", "b"], signedAt: 7,
  token: "t", nonce: "n", platform: " Linux X86_64 ", deviceFamily: "",
};

describe("a device", () => {
  it("signs the protocol's text, and others can check it", async () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
    const own = await portable(storage);
    const text = signedText(own.id, fields);
    expect(text).toBe(`v3|${own.id}|openclaw-control-ui|webchat|operator|a,b|7|t|n|linux x86_64|`);
    const raw = Buffer.from(own.publicKey, "base64url");
    expect(own.id).toBe(createHash("sha256").update(raw).digest("hex"));
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: own.publicKey }, format: "jwk" });
    expect(verify(null, Buffer.from(text), key, Buffer.from(await own.sign(text), "base64url"))).toBe(true);
    expect((await portable(storage)).id).toBe(own.id);
    expect(ed.hashes.sha512).toBeDefined();
  });
});

/** IndexedDB as far as a device needs it: transactions one after the other, each over when nothing more is asked in it. */
function database(): object {
  const values = new Map<string, unknown>();
  let last = Promise.resolve();
  const transaction = () => {
    const asked: (() => void)[] = [];
    const ask = (work: () => unknown) => {
      const request: { result?: unknown; onsuccess?: () => void } = {};
      asked.push(() => ((request.result = work()), request.onsuccess?.()));
      return request;
    };
    const store = { get: (key: string) => ask(() => values.get(key)), put: (value: unknown, key: string) => ask(() => void values.set(key, value)) };
    const whole: { objectStore(): object; oncomplete?: () => void } = { objectStore: () => store };
    last = last.then(async () => {
      for (let next = asked.shift(); next; next = asked.shift()) await Promise.resolve().then(next);
      whole.oncomplete?.();
    });
    return whole;
  };
  return {
    open: () => {
      const request: { result: object; onsuccess?: () => void } = { result: { transaction, close: () => undefined } };
      queueMicrotask(() => request.onsuccess?.());
      return request;
    },
  };
}

describe("tabs that are first opened at once", () => {
  const tab = async () => {
    vi.resetModules();
    return await import("../src/gateway/device");
  };
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("are one device", async () => {
    vi.stubGlobal("isSecureContext", true);
    vi.stubGlobal("indexedDB", database());
    const tabs = [await tab(), await tab()];
    const [one, other] = await Promise.all(tabs.map(({ device }) => device()));
    expect(one?.id).toBe(other?.id);
    expect((await (await tab()).device()).id, "and later too").toBe(one?.id);
  });

  it("are one where browsers offer no cryptography, too", async () => {
    vi.stubGlobal("indexedDB", database());
    // neither sees yet what the other writes
    const storage = () => ({ getItem: () => null, setItem: () => undefined });
    const tabs = [await tab(), await tab()];
    const [one, other] = await Promise.all(tabs.map(({ portable }) => portable(storage())));
    expect(one?.id).toBe(other?.id);
  });
});

describe("the address", () => {
  const page = (href: string) => new URL(href) as unknown as Location;

  it("of the gateway is the page's own, whatever the link says", () => {
    expect(socketAddress(page("http://h:1/?gatewayUrl=ws://evil"))).toBe("ws://h:1/");
    expect(socketAddress(page("https://h/ui/#x"))).toBe("wss://h/ui/");
  });

  it("loses the token as soon as it is read", () => {
    const shown: string[] = [];
    const past = { replaceState: (_: unknown, __: string, to: string) => void shown.push(to) } as unknown as History;
    expect(takeFragmentToken(page("http://h/ui/?a=1#token=s%2Fx"), past)).toBe("s/x");
    expect(shown).toEqual(["/ui/?a=1"]);
    expect(takeFragmentToken(page("http://h/#/chat"), past)).toBeUndefined();
    expect(takeFragmentToken(page("http://h/#token=%zz"), past)).toBeUndefined();
  });
});

describe("a browser", () => {
  it("has a name that people know", () => {
    const name = (agent: string) => browserName(agent);
    expect(name("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox on Linux");
    expect(name("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/148.0 Safari/537.36 Edg/148.0")).toBe("Edge on Windows");
    expect(name("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1")).toBe("Safari on iPhone");
    expect(name("")).toBe("Browser");
  });
});
