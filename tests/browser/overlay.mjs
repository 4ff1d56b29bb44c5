// Answers a few methods in the place of the gateway, for what a test wants to look at and the gateway does not have to
// show: a failed channel, a waiting approval, a long history. Everything else goes to the real gateway and back.
import { readFileSync } from "node:fs";

/** `methods`: name → (params) => payload, or throws `{code, message, details}`. Gives a way to send events. */
export async function overlay(page, methods) {
  let send = () => {};
  const calls = [];
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    let seq = 0;
    const numbered = (frame) => JSON.stringify({ ...frame, seq: ++seq });
    send = (event, payload) => socket.send(numbered({ type: "event", event, payload }));
    socket.onMessage((text) => {
      const frame = JSON.parse(text);
      const answer = methods[frame.method];
      if (!answer) return server.send(text);
      calls.push([frame.method, frame.params]);
      const reply = (body) => socket.send(JSON.stringify({ type: "res", id: frame.id, ...body }));
      Promise.resolve()
        .then(() => answer(frame.params, send))
        .then((payload) => reply({ ok: true, payload }), (error) => reply({ ok: false, error: { code: "INVALID_REQUEST", message: String(error.message ?? error), ...error } }));
    });
    server.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.payload?.type === "hello-ok") frame.payload.features.methods.push(...Object.keys(methods));
      if (frame.type === "event" && frame.seq !== undefined) return socket.send(numbered(frame));
      socket.send(JSON.stringify(frame));
    });
  });
  return { event: (name, payload) => send(name, payload), calls };
}

export const fixture = (name) => JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8"));
