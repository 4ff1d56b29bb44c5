// Talking: answers that come word by word, tools, stopping, commands, files, and a gateway that goes away meanwhile.
import assert from "node:assert/strict";
import { after } from "node:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TOKEN } from "./gateway.mjs";
import { PHONE, open, shot } from "./browser.mjs";
import { Model } from "./model.mjs";
import { suite } from "./suite.mjs";

/** A picture of 64 by 48. */
const PLOT = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAEAAAAAwCAMAAACWlYwtAAAACVBMVEX6+vjZVDZ4eHh3uWxxAAAAwElEQVR42u3WwRKDIAwE0M3+/0e3U6uCItmsp3bMUZMn4EAA3kHcjAd4gAaIJWwgwhbY1RsCl3psMzGAtqou8FBTEGID+seq8M3jKV8E1g8N0jVhzRplK8KsXgH2esISEiAVmgmYwJ5GGELkAEKo/yQR9SF074iy0L9xAPFMvBJCBS7W8egSxSEUAG2jUdjyU5OoDCGKwEkYTIooCKNFSYFIfgvTk2PfehbQtr3w2nvSN5X7wbTt/vgVhzfjD9bgBR+EAZmEX2YXAAAAAElFTkSuQmCC", "base64");

const model = new Model();
after(() => model[Symbol.asyncDispose]());
const { world, test } = suite(["control-ui", "demo", "files", "openai"], async () => {
  await model.start();
  return model.config;
});

async function chat(options = {}) {
  model.go();
  const opened = await open(world.browser, world.gateway, { token: TOKEN, ...options });
  await opened.page.getByLabel("Message").waitFor();
  await opened.page.evaluate(() => (location.hash = `#/chat/agent:main:test-${Math.random().toString(36).slice(2)}`));
  await opened.page.getByRole("heading", { name: "What shall we do?" }).waitFor();
  const say = async (text) => {
    await opened.page.getByRole("combobox", { name: "Message" }).fill(text);
    await opened.page.getByRole("button", { name: "Send" }).click();
  };
  const answer = opened.page.getByRole("article", { name: "Assistant" });
  return { ...opened, say, answer };
}

test("an answer is shown while it is written", async () => {
  const { page, context, wrong, say, answer } = await chat();
  model.pause();
  await say("Tell me a lot");
  await answer.getByText("word5").waitFor();
  assert.equal(await answer.getByText("word40").count(), 0);
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await shot(page, "chat-1-streaming");
  model.go();
  await answer.getByText("word40").waitFor();
  await page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
  assert.equal(await answer.count(), 1);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("an answer can be stopped, and what was written of it stays", async () => {
  const { page, context, wrong, say, answer } = await chat();
  model.pause();
  await say("Tell me a lot");
  await answer.getByText("word5").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await answer.getByText("Stopped").waitFor();
  await answer.getByText("word5").waitFor();
  model.go();
  await say("And now shortly");
  await answer.getByText("word40").waitFor();
  await shot(page, "chat-2-stopped");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a message is edited and asked again, and what was said before stays as a branch", async () => {
  const { page, context, wrong, say, answer } = await chat();
  const message = page.getByRole("combobox", { name: "Message" });
  const you = page.getByRole("article", { name: "You" });
  await say("The first question");
  await answer.getByText("word40").waitFor();
  await page.getByRole("button", { name: "Edit and ask again: The first question" }).click();
  await page.getByRole("heading", { name: "What shall we do?" }).waitFor();
  assert.equal(await message.inputValue(), "The first question");
  await say("A better question");
  await answer.getByText("word40").waitFor();
  assert.equal(await you.count(), 1);

  await page.getByRole("button", { name: "Branches" }).click();
  const branches = page.getByRole("radio");
  await branches.nth(1).waitFor();
  assert.equal(await branches.count(), 2);
  await branches.nth(1).check();
  await shot(page, "chat-10-branches");
  await page.getByRole("button", { name: "Go on with it" }).click();
  await you.getByText("The first question").waitFor();
  assert.equal(await you.count(), 1);

  const before = page.url();
  await page.getByRole("button", { name: "New conversation from here: The first question" }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByRole("heading", { name: "What shall we do?" }).waitFor();
  assert.equal(await message.inputValue(), "The first question");
  await page.goto(before);
  await you.getByText("The first question").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a tool is a card with what it was asked and what it gave", async () => {
  const { page, context, wrong, say, answer } = await chat();
  await say("Please count the words");
  await answer.getByText("three", { exact: true }).waitFor();
  const card = page.locator("details.tool");
  await card.getByText("done").waitFor();
  await card.locator("summary").click();
  await card.locator("pre").getByText("one two three").waitFor();
  await shot(page, "chat-3-tool");
  await page.reload();
  await page.locator("details.tool").waitFor();
  assert.equal(await page.locator("details.tool").count(), 1, "and so it is in the history");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("commands complete themselves, by keyboard too", async () => {
  const { page, context, wrong } = await chat();
  await page.getByLabel("Message").pressSequentially("/st");
  await page.getByRole("option", { name: /\/status/ }).waitFor();
  await shot(page, "chat-4-commands");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  assert.match(await page.getByLabel("Message").inputValue(), /^\/st\w+ $/);
  await page.getByLabel("Message").fill("/status ");
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "Assistant" }).waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a pasted picture goes along", async () => {
  const { page, context, wrong, answer } = await chat();
  await page.getByLabel("Message").focus();
  await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 40 });
    canvas.getContext("2d").fillRect(0, 0, 40, 40);
    const blob = await new Promise((done) => canvas.toBlob(done));
    const data = new DataTransfer();
    data.items.add(new File([blob], "square.png", { type: "image/png" }));
    document.querySelector("#message").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.getByText("square.png").waitFor();
  await shot(page, "chat-5-attached");
  await page.getByLabel("Message").fill("What is this?");
  await page.getByRole("button", { name: "Send" }).click();
  await answer.getByText("word40").waitFor();
  await page.getByRole("img", { name: "square.png" }).waitFor();
  await page.reload();
  await answer.getByText("word40").waitFor();
  const kept = page.locator("oc-picture img");
  await kept.waitFor();
  assert.equal(await kept.getAttribute("alt"), "square.png");
  await kept.evaluate((image) => image.decode());
  assert.equal(await kept.evaluate((image) => image.naturalWidth), 40, "the gateway has it, and the page shows it");
  assert.equal(await page.getByText("<media:").count(), 0, "what the model reads of it is nobody else's business");
  await shot(page, "chat-5-again");
  await page.getByTitle("Show it larger").click();
  await page.getByRole("dialog", { name: "square.png" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a picture that a tool gave is shown, and is there when the page comes again", async () => {
  const workspace = join(world.gateway.state, "workspace");
  mkdirSync(workspace, { recursive: true });
  writeFileSync(join(workspace, "plot.png"), PLOT);
  const { page, context, wrong, say, answer } = await chat();
  await say("Please show the plot");
  await page.getByRole("button", { name: "Copy the answer" }).waitFor();
  for (const again of [false, true]) {
    if (again) await page.reload();
    const plot = answer.locator("oc-picture img");
    await plot.waitFor();
    await plot.evaluate((image) => image.decode());
    assert.equal(await plot.evaluate((image) => image.naturalWidth), 64);
  }
  await shot(page, "chat-3-tool-picture");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("what is written while the gateway is away is sent once when it is back, and nothing is lost", async () => {
  const { page, context, wrong, say, answer } = await chat();
  await say("Before");
  await answer.getByText("word40").waitFor();
  await world.gateway.kill();
  await page.getByText(/Not connected|Connecting again/).first().waitFor();
  await say("Meanwhile");
  await page.getByText("Sending").waitFor();
  await shot(page, "chat-6-away");
  const place = await page.evaluate(() => location.hash);
  await page.evaluate(() => (location.hash = "#/chat/agent:main:elsewhere"));
  await page.getByText("Sending").waitFor({ state: "detached" });
  await page.evaluate((place) => (location.hash = place), place);
  await page.getByText("Sending").waitFor();
  await world.gateway.start();
  await page.getByText("Connecting again").waitFor({ state: "detached" });
  await answer.nth(1).getByText("word40").waitFor();
  await page.getByText("Sending").waitFor({ state: "detached" });
  for (const text of ["Before", "Meanwhile"]) assert.equal(await page.locator(".bubble").getByText(text, { exact: true }).count(), 1, text);
  assert.equal(await answer.count(), 2);
  const asked = model.requests.filter(({ messages }) => JSON.stringify(messages.at(-1)).includes("Meanwhile"));
  assert.equal(asked.length, 1, "the model was asked once");
  await shot(page, "chat-7-back");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("an answer goes on when the page comes back in the middle of it", async () => {
  const { page, context, wrong, say, answer } = await chat();
  model.pause();
  await say("Tell me a lot");
  await answer.getByText("word5").waitFor();
  await page.reload();
  await page.locator(".bubble").getByText("Tell me a lot", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Stop" }).waitFor();
  model.go();
  await answer.getByText("word40").waitFor();
  assert.equal(await answer.count(), 1);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("on a phone it fits, and the conversations are one touch away", async () => {
  const { page, context, wrong, say } = await chat(PHONE);
  await say("Please count the words");
  await page.locator("details.tool").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, "nothing sticks out");
  await shot(page, "chat-8-phone");
  await page.getByRole("button", { name: "Conversations" }).click();
  await page.getByRole("link", { name: /count the words/i }).first().waitFor();
  await page.waitForTimeout(300);
  await shot(page, "chat-9-phone-list");
  await page.getByRole("button", { name: "Close the list" }).click({ position: { x: 10, y: 300 } });
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("link", { name: "Channels" }).click();
  await page.getByText("No channel yet").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});
