// The browser, and what every test looks at beside its own question: no script error, nothing refused by the page's
// policy, nothing asked of another host.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const PLACES = [process.env.OPENCLAW_TEST_BROWSER, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const SHOTS = process.env.OPENCLAW_SCREENSHOTS ?? fileURLToPath(new URL("./screenshots/", import.meta.url));

export const executable = PLACES.find((place) => place && existsSync(place));
/** Why there can be no test, if there can't. */
export const unable = executable ? false : "no Chromium: install it (apt-get install chromium), or name one in OPENCLAW_TEST_BROWSER";

export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
export const DESK = { viewport: { width: 1360, height: 860 } };

export async function launch() {
  return chromium.launch({ executablePath: executable, args: FLAGS });
}

/** A page of its own profile, with a list of what went wrong in it. */
export async function open(browser, gateway, { token, path = "", prepare, ...options } = {}) {
  const context = await browser.newContext({ ...DESK, locale: "en-GB", reducedMotion: "reduce", ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: gateway.url });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/ERR_CONNECTION|WebSocket|Failed to load resource/.test(message.text())) wrong.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { host, protocol } = new URL(request.url());
    if (/^(http|ws)s?:$/.test(protocol) && host !== new URL(gateway.url).host) wrong.push(`asked ${request.url()}`);
  });
  page.setDefaultTimeout(60_000);
  await prepare?.(page);
  await page.goto(gateway.url + path + (token ? `#token=${token}` : ""));
  return { page, context, wrong };
}

export async function shot(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}
