"""The command line: what it is asked, and what must come of it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from gateway import TOKEN
from nodes import Node, until
from results import Failed

SECONDS = 90


class Client:
    """The command line in a home of its own, which knows the gateway's port and token and nothing else."""

    def __init__(self, original, gateway):
        self.original, self.gateway = original, gateway

    def __enter__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="peer-client-"))
        config = {"gateway": {"mode": "local", "port": self.gateway.port, "auth": {"mode": "token", "token": TOKEN}}}
        (self.home / "openclaw.json").write_text(json.dumps(config))
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{self.original.node.parent}:{os.environ['PATH']}",
            "OPENCLAW_STATE_DIR": str(self.home),
            # without it, some commands look for the lock file of a gateway of their own kind
            "OPENCLAW_GATEWAY_PORT": str(self.gateway.port),
            "OPENCLAW_NO_AUTO_UPDATE": "1",
            "OPENCLAW_DISABLE_BONJOUR": "1",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def command(self, *args):
        return [str(self.original.node), str(self.original.cli), *args]

    def start(self, *args):
        """Starts a command that takes its time; nobody reads what it says."""
        nobody = subprocess.DEVNULL
        return subprocess.Popen(self.command(*args), env=self.env, cwd=self.home, stdin=nobody, stdout=nobody, stderr=nobody)

    def run(self, *args):
        """Its exit code and what it says, without colours."""
        env = {**self.env, "NO_COLOR": "1"}
        ran = subprocess.run(
            self.command(*args), env=env, cwd=self.home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
        return ran.returncode, ran.stdout, ran.stderr

    def says(self, *args):
        """What a command that has to work prints."""
        code, out, err = self.run(*args)
        missing = sorted(set(re.findall(r"unknown method: ([\w.-]*\w)", out + err)))
        if missing:
            raise Failed("missing: " + ", ".join(f"`{name}`" for name in missing))
        if code != 0:
            raise Failed(f"fails: {reason(out + err)}")
        return out

    def json(self, *args):
        out = self.says(*args)
        start = re.search(r"^[{\[]", out, re.M)
        try:
            return json.JSONDecoder().raw_decode(out[start.start() :])[0]
        except (AttributeError, ValueError):
            raise Failed(f"fails: prints no JSON: {out[:80]}") from None


def reason(said):
    told = re.search(r"(?:Reason|Error): (.+)", said)
    lines = [line for line in said.splitlines() if line.strip()]
    return (told[1] if told else (lines or ["it says nothing"])[-1])[:160]


def need(holds, why):
    if not holds:
        raise Failed(f"fails: {why}")


def contains(client, words, *args):
    """A command that prints these words."""

    def proof():
        out = client.says(*args)
        for word in words:
            need(word in out, f"does not say “{word}”")

    return proof


def holds(client, test, *args):
    """A command whose JSON passes a test."""

    def proof():
        value = client.json(*args)
        try:
            passed = test(value)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise Failed(f"fails: its JSON lacks {error}") from None
        need(passed, "its JSON has other values")

    return proof


def health(client, results):
    told = lambda value: value["ok"] is True
    results.check("health", contains(client, ["Agents"], "health"))
    results.check("health --json", holds(client, told, "health", "--json"))
    results.check("status", contains(client, ["Overview", "reachable"], "status"))
    results.check("status --json", holds(client, lambda value: value["gateway"]["reachable"] is True, "status", "--json"))
    results.check("status --deep", contains(client, ["Health", "reachable"], "status", "--deep"))
    results.check("status --all", contains(client, ["Gateway", "reachable"], "status", "--all"))
    results.check("gateway health", contains(client, ["OK"], "gateway", "health"))
    results.check("gateway probe", contains(client, ["Reachable: yes", "Connect: ok"], "gateway", "probe"))
    results.check("gateway status", contains(client, ["Connectivity probe: ok"], "gateway", "status"))
    results.check("gateway call health", holds(client, told, "gateway", "call", "health", "--json"))
    results.check("gateway call status", holds(client, lambda value: value["runtimeVersion"], "gateway", "call", "status", "--json"))

    def unknown():
        code, out, err = client.run("gateway", "call", "nope.method")
        need(code == 1 and "unknown method: nope.method" in out + err, reason(out + err))

    results.check("gateway call of an unknown method", unknown)
    results.check("system presence", holds(client, lambda value: value[0]["mode"] == "gateway", "system", "presence", "--json"))
    results.check("logs", contains(client, ["ready in"], "logs", "--limit", "50"))
    results.check("logs --json", contains(client, ['"type":"log"'], "logs", "--json", "--limit", "50"))
    results.check("secrets reload", contains(client, ["eload"], "secrets", "reload"))


def agents(client, results):
    hi = ("agent", "--agent", "main", "--message", "hi there")
    text = lambda value: value["status"] == "ok" and value["result"]["payloads"][0]["text"] == "You said: hi there"
    results.check("agent", contains(client, ["You said: hi there"], *hi))
    results.check("agent --json", holds(client, text, *hi, "--json"))
    tool = ("agent", "--agent", "main", "--message", '/tool count_words {"text":"a b c"}')
    results.check("agent, with a tool", contains(client, ["count_words answered"], *tool))
    history = ("gateway", "call", "chat.history", "--params", '{"sessionKey":"agent:main:main"}', "--json")
    used = lambda value: value["totals"]["totalTokens"] > 0 and len(value["daily"]) >= 1
    results.check("gateway usage-cost", holds(client, used, "gateway", "usage-cost", "--json"))
    results.check("gateway call chat.history", holds(client, lambda value: len(value["messages"]) >= 4, *history))
    keys = lambda value: "agent:main:main" in [row["key"] for row in value["sessions"]]
    results.check("gateway call sessions.list", holds(client, keys, "gateway", "call", "sessions.list", "--json"))
    results.check("models list", contains(client, ["demo/echo", "slow/m"], "models", "list"))
    names = lambda value: "demo/echo" in [model["key"] for model in value["models"]]
    results.check("models list --json", holds(client, names, "models", "list", "--json"))


def heartbeat(client, results):
    """An event wakes the agent, which hears of it."""

    def event():
        client.says("system", "event", "--text", "the wind has turned", "--mode", "now")
        asked = json.dumps({"sessionKey": "agent:main:main"})
        history = lambda: client.says("gateway", "call", "chat.history", "--params", asked, "--json")
        until(lambda: "the wind has turned" in history(), "the agent does not hear of it")

    beat = lambda: client.json("system", "heartbeat", "last", "--json")
    told = lambda: until(lambda: (beat() or {}).get("ts"), "none is told") and None
    results.check("system event", event)
    results.check("system heartbeat last", told)


def channels(client, services, results):
    results.check("channels status", contains(client, ["Gateway reachable", "Telegram", "running"], "channels", "status"))
    # its word for a messenger that has answered
    results.check("channels status --probe", contains(client, ["Telegram", ", works"], "channels", "status", "--probe"))
    account = lambda value: value["channelAccounts"]["telegram"][0]["connected"] is True
    results.check("channels status --json", holds(client, account, "channels", "status", "--json"))

    def send():
        client.says("message", "send", "--channel", "telegram", "--target", "7", "--message", "by hand")
        need(not services.sent.empty() and services.sent.get()["text"] == "by hand", "nothing arrived")

    results.check("message send", send)


def cron(client, results):
    results.check("cron status", holds(client, lambda value: value["enabled"] is True, "cron", "status"))
    made = {}

    def add():
        when = ("--name", "hourly", "--every", "1h", "--session", "isolated", "--no-deliver")
        job = client.json("cron", "add", *when, "--message", "go", "--json")
        made.update(job)
        need(job["name"] == "hourly" and job["schedule"]["everyMs"] == 3_600_000, "another job was made")

    def on_it(*args, test):
        def proof():
            need("id" in made, "there is no job")
            return holds(client, test, "cron", args[0], made["id"], *args[1:])()

        return proof

    def listed(name):
        row = [line for line in client.says("cron", "list").splitlines() if made.get("id", "none") in line]
        need(len(row) == 1 and name in row[0] and "every 1h" in row[0], "the job is not listed as it is")

    def ran():
        runs = lambda: client.json("cron", "runs", "--id", made.get("id", "none"))["entries"]
        ended = lambda: [run for run in runs() if run["jobId"] == made["id"] and run["status"] == "ok"]
        said = until(ended, "the run is not among those that ended")[0]["summary"]
        need(said.startswith("You said:") and said.split()[-1] == "go", f"it said {said}")

    def gone():
        need(client.json("cron", "rm", made.get("id", "none"))["removed"] is True, "it says that nothing was removed")
        need(made["id"] not in client.says("cron", "list", "--all"), "the job is still listed")

    results.check("cron add", add)
    results.check("cron list", lambda: listed("hourly"))
    results.check("cron edit", on_it("edit", "--name", "renamed", test=lambda job: job["name"] == "renamed"))
    results.check("cron disable", on_it("disable", test=lambda job: job["enabled"] is False))
    results.check("cron enable", on_it("enable", test=lambda job: job["enabled"] is True))
    results.check("cron run", on_it("run", test=lambda run: run["ok"] is True))
    results.check("cron runs", ran)
    results.check("cron rm", gone)


def skills(client, results):
    folder = client.gateway.home / "workspace" / "skills" / "ferry-times"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text("---\nname: ferry-times\ndescription: When the ferry goes.\n---\nLook at the pier.\n")
    results.check("skills list", contains(client, ["ferry-times", "When the ferry goes"], "skills", "list"))


def devices(client, results):
    """A gateway that lets in nobody without a question."""
    first = lambda rows, name: next((row for row in rows if row.get("displayName") == name), None)
    asks = lambda: first(client.json("devices", "list", "--json")["pending"], "Pier")
    paired = lambda: first(client.json("devices", "list", "--json")["paired"], "Pier")

    with Node(client, "Pier"):
        found = {}

        def listed():
            found.update(until(asks, "the device that asks is not listed"))
            need(paired() is None, "it was let in")

        def approve():
            need("requestId" in found, "nobody asks")
            client.says("devices", "approve", found["requestId"])
            need(paired() is not None, "it is not let in")
            until(lambda: paired()["connected"], "it does not connect")

        def remove():
            client.says("devices", "remove", found.get("deviceId", "none"))
            need(paired() is None, "it is still there")

        results.check("devices list --json", listed)
        results.check("devices list", contains(client, ["Pier", found.get("requestId", "a request")[:8]], "devices", "list"))
        results.check("devices approve", approve)
        results.check("devices remove", remove)


def nodes(client, results):
    with Node(client, "Bench"):
        found = {}

        def pending():
            rows = lambda: client.json("nodes", "pending", "--json")
            found.update(until(lambda: next(iter(rows()), None), "the node that asks is not listed"))
            need(found["displayName"] == "Bench", "another node asks")

        def approve():
            answer = client.json("nodes", "approve", found.get("requestId", "none"))
            need(answer["node"]["nodeId"] == found["nodeId"], "another node is approved")

        def status():
            rows = client.json("nodes", "status", "--json")["nodes"]
            need([row["nodeId"] for row in rows if row["connected"] and row["paired"]] == [found["nodeId"]], "it is not connected")

        def invoke():
            which = ("--command", "system.which", "--params", '{"bins":["sh"]}')
            answer = client.json("nodes", "invoke", "--node", "Bench", *which, "--json")
            need("/sh" in json.dumps(answer), "it finds no sh")

        def remove():
            client.says("nodes", "remove", "--node", "Pier bench")
            until(lambda: "Paired: 0" in client.says("nodes", "list"), "it is still there")

        results.check("nodes pending", pending)
        results.check("nodes approve", approve)
        results.check("nodes list", contains(client, ["Pending: 0", "Paired: 1", "Bench"], "nodes", "list"))
        results.check("nodes status", status)
        results.check("nodes describe", contains(client, ["Bench", "paired · connected", "- system.which"], "nodes", "describe", "--node", "Bench"))
        results.check("nodes invoke", invoke)
        results.check("nodes rename", contains(client, ["Pier bench"], "nodes", "rename", "--node", "Bench", "--name", "Pier bench"))
        results.check("nodes remove", remove)


def approvals(client, results):
    """A gateway that asks before each command."""
    results.check("approvals get --gateway", contains(client, ["tools.exec", "ask=always"], "approvals", "get", "--gateway"))
    asked = client.start("agent", "--agent", "main", "--message", '/tool exec {"command":"touch made-by-hand"}')
    found = {}

    def pending():
        rows = lambda: client.json("approvals", "pending", "--json")["approvals"]
        found.update(until(lambda: next(iter(rows()), None), "the question is not listed"))
        need(found["summary"] == "touch made-by-hand", "another command is asked about")

    def resolve():
        client.says("approvals", "resolve", found.get("id", "none"), "allow-once")
        made = client.gateway.home / "workspace" / "made-by-hand"
        until(made.exists, "the command was not run")
        need(client.json("approvals", "pending", "--json")["approvals"] == [], "the question is still open")

    results.check("approvals pending", pending)
    results.check("approvals resolve", resolve)
    asked.kill()
    asked.wait()


def prove(client, services, results):
    health(client, results)
    agents(client, results)
    heartbeat(client, results)
    channels(client, services, results)
    cron(client, results)
    skills(client, results)
    nodes(client, results)


def prove_strict(client, results):
    """At a gateway that asks about each device and each command."""
    devices(client, results)
    approvals(client, results)
