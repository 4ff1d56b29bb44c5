"""A machine that offers its commands to the gateway: OpenClaw's own node host, in a home of its own."""

import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

from gateway import TOKEN
from results import Failed

SECONDS = 60


class Node:
    """Runs until the block ends. It goes on asking until it is let in."""

    def __init__(self, client, name):
        self.client, self.name = client, name

    def __enter__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="peer-node-"))
        home = {"HOME": str(self.home), "OPENCLAW_STATE_DIR": str(self.home)}
        self.process = subprocess.Popen(
            self.client.command(
                "node", "run", "--host", "127.0.0.1", "--port", str(self.client.gateway.port), "--display-name", self.name
            ),
            env={**self.client.env, **home, "OPENCLAW_GATEWAY_TOKEN": TOKEN, "NO_COLOR": "1"},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = []
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def until(look, why):
    """What `look` gives as soon as it gives something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise Failed(f"fails: {why}")
