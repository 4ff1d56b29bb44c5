// This browser's identity: an Ed25519 key that proves to the gateway that it is the same browser as before.
//
// Where the browser can, the private key is made so that no script can read it, and kept in IndexedDB. Over plain HTTP
// to another machine browsers offer no cryptography; then the key is a seed in localStorage.
//
// Invariant: tabs that are first opened at once are one device. The first key that IndexedDB takes is everyone's.

const DATABASE = "openclaw-control";
const STORE = "device";
const KEY = "identity-v1";
const SEED = "openclaw.control.device-seed.v1";

export interface Device {
  /** Lower-case hex of SHA-256 of the public key. */
  id: string;
  /** Public key, base64url. */
  publicKey: string;
  sign(text: string): Promise<string>;
}

export interface SignedFields {
  clientId: string;
  clientMode: string;
  role: string;
  scopes: readonly string[];
  signedAt: number;
  token: string;
  nonce: string;
  platform: string;
  deviceFamily: string;
}

/** The text that is signed. Its fields and their order are the protocol's, version 3. */
export function signedText(deviceId: string, fields: SignedFields): string {
  const word = (text: string) => text.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return [
    "v3",
    deviceId,
    fields.clientId,
    fields.clientMode,
    fields.role,
    fields.scopes.join(","),
    String(fields.signedAt),
    fields.token,
    fields.nonce,
    word(fields.platform),
    word(fields.deviceFamily),
  ].join("|");
}

export function base64url(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let known: Promise<Device> | undefined;

/** The identity, made at the first call of this browser. */
export function device(): Promise<Device> {
  if (known) return known;
  const found = strong().catch(() => portable());
  known = found;
  // what failed may be allowed later
  found.catch(() => (known = undefined));
  return found;
}

async function strong(): Promise<Device> {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle || !globalThis.indexedDB) throw new Error("no keys here");
  const found = await idb<CryptoKeyPair | undefined>("readonly", (store, say) => {
    const request = store.get(KEY);
    request.onsuccess = () => say(request.result);
  });
  const pair = found ?? (await keepFirst(KEY, (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair));
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const id = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", raw)));
  const { privateKey } = pair;
  return {
    id,
    publicKey: base64url(raw),
    async sign(text) {
      const signature = await crypto.subtle.sign({ name: "Ed25519" }, privateKey, new TextEncoder().encode(text));
      return base64url(new Uint8Array(signature));
    },
  };
}

/** The same in plain JavaScript. */
export async function portable(storage: Pick<Storage, "getItem" | "setItem"> = localStorage): Promise<Device> {
  const [ed, { sha512, sha256 }] = await Promise.all([import("@noble/ed25519"), import("@noble/hashes/sha2.js")]);
  ed.hashes.sha512 = sha512;
  const own = fromHex(storage.getItem(SEED)) ?? crypto.getRandomValues(new Uint8Array(32));
  // without IndexedDB it is what is there now: reading and writing it are one step for the tabs of one process
  const secret = fromHex(await keepFirst(SEED, hex(own)).catch(() => storage.getItem(SEED))) ?? own;
  storage.setItem(SEED, hex(secret));
  const raw = ed.getPublicKey(secret);
  return {
    id: hex(sha256(raw)),
    publicKey: base64url(raw),
    sign: async (text) => base64url(ed.sign(new TextEncoder().encode(text), secret)),
  };
}

function fromHex(text: string | null): Uint8Array<ArrayBuffer> | undefined {
  if (!text || !/^[0-9a-f]{64}$/.test(text)) return undefined;
  const bytes = new Uint8Array(32);
  for (let at = 0; at < 32; at++) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** What is kept under a name: what was there already, or this. Transactions that write are one after the other, also of
    several tabs. */
function keepFirst<T>(name: string, made: T): Promise<T> {
  return idb<T>("readwrite", (store, say) => {
    const request = store.get(name);
    request.onsuccess = () => {
      if (request.result === undefined) store.put(made, name);
      say(request.result ?? made);
    };
  });
}

/** One transaction, with what it says at its end. */
function idb<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore, say: (found: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const open = indexedDB.open(DATABASE, 1);
    open.onupgradeneeded = () => open.result.createObjectStore(STORE);
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
      const transaction = open.result.transaction(STORE, mode);
      let say = () => reject(new Error("nothing was read"));
      work(transaction.objectStore(STORE), (found) => (say = () => resolve(found)));
      transaction.oncomplete = () => {
        open.result.close();
        say();
      };
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    };
  });
}
