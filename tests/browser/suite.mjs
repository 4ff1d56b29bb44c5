// One browser and one gateway for the tests of a file.
import { after, before, test as base } from "node:test";
import { Gateway } from "./gateway.mjs";
import { launch, unable } from "./browser.mjs";

/** Starts both before the tests of a file, if there is a browser; says why not otherwise. */
export function suite(plugins, configure) {
  const world = { gateway: undefined, browser: undefined };
  before(async () => {
    if (unable) return;
    world.gateway = new Gateway(plugins);
    world.gateway.configure((await configure?.()) ?? {});
    await world.gateway.start();
    world.browser = await launch();
  });
  after(async () => {
    await world.browser?.close();
    await world.gateway?.[Symbol.asyncDispose]();
  });
  const test = (name, run) => base(name, { skip: unable, timeout: 400_000 }, run);
  return { world, test };
}
