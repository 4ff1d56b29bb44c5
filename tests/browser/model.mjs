// A model service on loopback that speaks slowly: it writes a word only when the test lets it, so that a test can look at
// an answer that is half there.
import { createServer } from "node:http";

export class Model {
  #waiting = [];
  #paused = false;
  requests = [];

  async start() {
    this.server = createServer((request, response) => void this.#serve(request, response));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  /** What the configuration has to say so that the gateway asks it. */
  get config() {
    const { port } = this.server.address();
    return {
      agents: { defaults: { model: { primary: "slow/m" } } },
      models: { providers: { slow: { baseUrl: `http://127.0.0.1:${port}/v1`, apiKey: "sk-of-the-browser-tests", api: "openai-completions", models: [{ id: "m", contextWindow: 100_000 }] } } },
    };
  }

  /** Nothing is written from now on until `go`. */
  pause() {
    this.#paused = true;
  }

  go() {
    this.#paused = false;
    for (const next of this.#waiting.splice(0)) next();
  }

  async #serve(request, response) {
    let text = "";
    for await (const piece of request) text += piece;
    const body = JSON.parse(text || "{}");
    this.requests.push(body);
    const last = body.messages?.findLast(({ role }) => role !== "system");
    const said = typeof last?.content === "string" ? last.content : (last?.content ?? []).map((part) => part.text ?? "").join(" ");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta, finish = null) => response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
    if (last?.role === "user" && /count the words/.test(said) && body.tools?.length) {
      send({ role: "assistant", content: "Let me count." });
      send({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "count_words", arguments: JSON.stringify({ text: "one two three" }) } }] });
      send({}, "tool_calls");
    } else if (last?.role === "user" && /show the plot/.test(said)) {
      send({ tool_calls: [{ index: 0, id: "call_2", type: "function", function: { name: "read", arguments: JSON.stringify({ path: "plot.png" }) } }] });
      send({}, "tool_calls");
    } else {
      const words = last?.role === "tool" ? ["There", "are", "**three**", "words."] : Array.from({ length: 40 }, (_, n) => `word${n + 1}`);
      for (const [n, word] of words.entries()) {
        if (n >= 5 && this.#paused) await new Promise((next) => (this.#waiting.push(next), response.on("close", next)));
        if (response.destroyed) return;
        send({ content: `${n ? " " : ""}${word}` });
      }
      send({}, "stop");
    }
    response.write(`data: ${JSON.stringify({ id: "c", choices: [], usage: { prompt_tokens: 10, completion_tokens: 40, total_tokens: 50 } })}\n\ndata: [DONE]\n\n`);
    response.end();
  }

  async [Symbol.asyncDispose]() {
    this.go();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}
