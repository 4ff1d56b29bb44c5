"""What the library does and what must come of it. The model is the demo one, which repeats what it hears."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

import openai

TOKEN = "a-token-that-only-this-test-knows"
WEATHER = {
    "name": "weather",
    "description": "The weather at a place.",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}
ASKS_FOR_IT = '/tool weather {"at": "Rome"}'


class Gateway:
    """The program in a home of its own, until the block ends."""

    def __enter__(self):
        self.home = pathlib.Path(tempfile.mkdtemp())
        # not "plugins": that is where the operator installs what did not come with the gateway
        plugins = self.home / "bundled"
        plugins.mkdir()
        for plugin in ("demo.so", "openai-http.so"):
            shutil.copy(pathlib.Path(os.environ["OPENCLAW_TEST_PLUGINS"]) / plugin, plugins)
        on = {"enabled": True}
        config = {
            "gateway": {
                "mode": "local",
                "auth": {"token": TOKEN},
                "http": {"endpoints": {"chatCompletions": on, "responses": on}},
            }
        }
        (self.home / "openclaw.json").write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [os.environ["OPENCLAW_TEST_BIN"], "gateway", "--port", "0"],
            env={"HOME": str(self.home), "OPENCLAW_STATE_DIR": str(self.home), "OPENCLAW_BUNDLED_PLUGINS_DIR": str(plugins)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        said = []
        for line in self.process.stdout:
            said.append(line)
            if "listening on ws://" in line:
                self.port = line.split("ws://127.0.0.1:")[1].split()[0]
            if " ready in " in line:
                break
        else:
            sys.exit("the gateway did not start:\n" + "".join(said))
        watchdog.cancel()
        # what it says after that must not fill the pipe
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def client(self, key=TOKEN):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=key, max_retries=0, timeout=30)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.home)


def user(text):
    return {"role": "user", "content": text}


def equal(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r} instead of {wanted!r}")
    print(f"ok {what}")


def refused(what, kind, call):
    try:
        call()
    except kind:
        print(f"ok {what}")
    else:
        sys.exit(f"{what}: was not refused")


def models(client):
    equal("models", [model.id for model in client.models.list()][:2], ["openclaw", "openclaw/default"])
    equal("one model", client.models.retrieve("openclaw").id, "openclaw")


def completions(client):
    chat = client.chat.completions
    tools = [{"type": "function", "function": WEATHER}]
    answer = chat.create(model="openclaw", messages=[user("hi there")])
    equal("completion", answer.choices[0].message.content, "You said: hi there")
    equal("its end", answer.choices[0].finish_reason, "stop")
    text, spent = "", None
    for chunk in chat.create(
        model="openclaw", messages=[user("bit by bit")], stream=True, stream_options={"include_usage": True}
    ):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        spent = chunk.usage or spent
    equal("streamed completion", text, "You said: bit by bit")
    equal("streamed usage", spent.total_tokens > 0, True)
    wish = chat.create(model="openclaw", messages=[user(ASKS_FOR_IT)], tools=tools).choices[0]
    call = wish.message.tool_calls[0]
    equal("wish for a tool", (wish.finish_reason, call.function.name), ("tool_calls", "weather"))
    equal("its arguments", json.loads(call.function.arguments), {"at": "Rome"})
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    conversation = [user(ASKS_FOR_IT), wish.message.model_dump(exclude_none=True), result]
    answer = chat.create(model="openclaw", messages=conversation, tools=tools)
    equal("answer with its result", answer.choices[0].message.content, "weather answered: sunny")
    with chat.stream(model="openclaw", messages=[user(ASKS_FOR_IT)], tools=tools) as stream:
        stream.until_done()
        wish = stream.get_final_completion().choices[0].message.tool_calls[0]
    equal("streamed wish for a tool", wish.function.name, "weather")


def responses(client):
    tools = [{"type": "function", **WEATHER}]
    first = client.responses.create(model="openclaw", input="hello", instructions="Be brief.")
    equal("response", first.output_text, "You said: hello")
    second = client.responses.create(model="openclaw", input="and more", previous_response_id=first.id)
    equal("response after it", second.output_text, "You said: and more")
    with client.responses.stream(model="openclaw", input="bit by bit") as stream:
        kinds = [event.type for event in stream]
        equal("streamed response", stream.get_final_response().output_text, "You said: bit by bit")
    equal("its first and last event", (kinds[0], kinds[-1]), ("response.created", "response.completed"))
    wish = client.responses.create(model="openclaw", input=ASKS_FOR_IT, tools=tools).output[0]
    equal("wish for a tool", (wish.type, wish.name), ("function_call", "weather"))
    result = {"type": "function_call_output", "call_id": wish.call_id, "output": "sunny"}
    conversation = [user(ASKS_FOR_IT), wish.model_dump(exclude_none=True), result]
    answer = client.responses.create(model="openclaw", input=conversation, tools=tools)
    equal("answer with its result", answer.output_text, "weather answered: sunny")


def refusals(gateway, client):
    refused("a foreign key", openai.AuthenticationError, lambda: gateway.client("wrong").models.list())
    ask = lambda model: client.chat.completions.create(model=model, messages=[user("x")])
    refused("a foreign model", openai.BadRequestError, lambda: ask("gpt-4o"))
    refused("an unknown agent", openai.BadRequestError, lambda: ask("openclaw/nobody"))


with Gateway() as gateway:
    client = gateway.client()
    models(client)
    completions(client)
    responses(client)
    refusals(gateway, client)
