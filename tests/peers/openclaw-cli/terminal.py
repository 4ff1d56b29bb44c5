"""The terminal UI, in a terminal of its own: typed at, and read."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from results import Failed
from services import FIRST, SECOND

SECONDS = 90
ROWS, COLUMNS = 40, 120
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[P_^X][^\x1b]*\x1b\\|[@-Z\\-_=>78])")


class Screen:
    """A running terminal UI, and everything that it has drawn."""

    def __init__(self, client, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(client.home)
            command = client.command("tui", *args)
            os.execve(command[0], command, client.env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.drawn = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def text(self):
        return ESCAPES.sub("", self.drawn.decode("utf-8", "replace"))

    def mark(self):
        """What is drawn before this is not looked at any more."""
        self.drawn = b""

    def shows(self, *words):
        """Waits until all of these were drawn."""
        end = time.monotonic() + SECONDS
        while not all(word in self.text() for word in words):
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                missing = [word for word in words if word not in self.text()]
                last = " ".join(self.text()[-300:].split())
                raise Failed(f"fails: does not show “{missing[0]}”, last: {last}")

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            return False
        # a terminal answers these: where the cursor is, and what it is
        if b"\x1b[6n" in piece:
            os.write(self.fd, b"\x1b[1;1R")
        if b"\x1b[c" in piece:
            os.write(self.fd, b"\x1b[?62;c")
        self.drawn += piece
        return bool(piece)

    def type(self, text):
        os.write(self.fd, text.encode())

    def enter(self, text):
        """Types a line. What is drawn from then on was not typed."""
        self.type(text)
        self.shows(text)
        self.mark()
        self.type("\r")


def prove(client, services, results):
    def connects():
        with Screen(client) as screen:
            screen.shows("connected | idle", "agent main")

    def chats():
        with Screen(client, "--session", "agent:main:terminal") as screen:
            screen.shows("connected")
            screen.enter("hello from a terminal")
            screen.shows("You said: hello from a terminal")
            # and it knows that this was all
            screen.shows("connected | idle")

    def remembers():
        with Screen(client, "--session", "agent:main:terminal") as screen:
            screen.shows("hello from a terminal", "You said: hello from a terminal")

    def streams():
        with Screen(client, "--session", "agent:slow:main") as screen:
            screen.shows("connected")
            screen.enter("slowly please")
            # the model waits here: what is shown now was not the whole answer
            screen.shows(FIRST.strip())
            screen.mark()
            services.go_on.set()
            screen.shows(SECOND, "connected | idle")

    def stops():
        with Screen(client, "--session", "agent:slow:stop") as screen:
            screen.shows("connected")
            screen.enter("slowly again")
            screen.shows(FIRST.strip())
            screen.mark()
            services.given_up.clear()
            screen.type("\x1b")
            screen.shows("aborted")
        if not services.given_up.wait(SECONDS):
            raise Failed("fails: the model is still asked")
        asked = json.dumps({"sessionKey": "agent:slow:stop"})
        history = client.says("gateway", "call", "chat.history", "--params", asked, "--json")
        if "slowly again" not in history or SECOND in history:
            raise Failed("fails: the conversation goes on")

    def calls_a_tool():
        with Screen(client, "--session", "agent:main:tool") as screen:
            screen.shows("connected")
            screen.enter('/tool count_words {"text":"a b c"}')
            screen.shows("count_words answered", "connected | idle")

    def switches():
        with Screen(client, "--session", "agent:main:terminal") as screen:
            screen.shows("connected | idle", "You said: hello from a terminal")
            screen.enter("/session agent:main:tool")
            screen.shows("count_words answered")

    def comes_back():
        with Screen(client, "--session", "agent:main:terminal") as screen:
            screen.shows("connected")
            client.gateway.restart()
            screen.shows("disconnected")
            screen.mark()
            screen.shows("connected | idle")
            screen.enter("are you there?")
            screen.shows("You said: are you there?")

    results.check("connects", connects)
    results.check("a message is answered", chats)
    results.check("the history is there when it comes again", remembers)
    results.check("an answer is shown while it grows", streams)
    results.check("Escape stops an answer", stops)
    results.check("a tool is called", calls_a_tool)
    results.check("it goes to another conversation", switches)
    results.check("it comes back after a restart of the gateway", comes_back)
    # what only the gateway can have told: nothing of it is typed or shown before
    for command, words in [
        ("/status", ["Model: demo/echo", "connected | idle"]),
        ("/sessions", ["count_words"]),
        ("/models", ["slow/m"]),
        ("/agents", ["slow"]),
    ]:
        results.check(command, lambda command=command, words=words: slash(client, command, words))


def slash(client, command, words):
    with Screen(client, "--session", "agent:main:terminal") as screen:
        screen.shows("connected")
        screen.enter(command)
        screen.shows(*words)
