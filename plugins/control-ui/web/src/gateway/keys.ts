// Where the page keeps what lets it in: the token for this tab, the device's own token for later.
//
// A key belongs to the address that it was given for. The address is always where the page came from: neither a link nor
// a stored value can choose another.

/** The gateway's WebSocket: the folder that the page was opened in. */
export function socketAddress(page: Location = location): string {
  const address = new URL("./", page.origin + page.pathname);
  address.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

const ofTab = (address: string) => `openclaw.control.token.v1:${address}`;
const ofDevice = (address: string) => `openclaw.device.auth.v1:${address}`;

/** Takes `#token=…` out of the address bar, before anything else can see it. */
export function takeFragmentToken(page: Location = location, past: History = history): string | undefined {
  const found = /^#(?:.*&)?token=([^&]*)/.exec(page.hash);
  if (!found) return undefined;
  past.replaceState(null, "", page.pathname + page.search);
  try {
    return decodeURIComponent(found[1] ?? "").trim() || undefined;
  } catch {
    return undefined;
  }
}

export const keys = {
  token: (address: string) => read(() => sessionStorage.getItem(ofTab(address))),
  deviceToken: (address: string) => read(() => localStorage.getItem(ofDevice(address))),
  keepToken: (address: string, token: string) => quietly(() => sessionStorage.setItem(ofTab(address), token)),
  keepDeviceToken: (address: string, token: string) => quietly(() => localStorage.setItem(ofDevice(address), token)),
  forgetToken: (address: string) => quietly(() => sessionStorage.removeItem(ofTab(address))),
  forgetDeviceToken: (address: string) => quietly(() => localStorage.removeItem(ofDevice(address))),
};

function read(work: () => string | null): string | undefined {
  try {
    return work() ?? undefined;
  } catch {
    return undefined; // storage is switched off: the token lives as long as the page
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // as above
  }
}
