"""Our gateway, in a home of its own that goes with it."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOKEN = "a-token-that-only-this-test-knows"
START_SECONDS = 60
READY = " ready in "


class Gateway:
    """The program with these plugins and this configuration, until the block ends."""

    def __init__(self, plugins, config):
        self.plugins, self.config = plugins, config

    def __enter__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="peer-"))
        # not "plugins": that is where the operator installs what did not come with the gateway
        bundled = self.home / "bundled"
        bundled.mkdir()
        for plugin in self.plugins:
            shutil.copy(pathlib.Path(os.environ["OPENCLAW_TEST_PLUGINS"]) / f"{plugin}.so", bundled)
        (self.home / "openclaw.json").write_text(json.dumps(self.config))
        # one that it keeps when it begins anew
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [os.environ["OPENCLAW_TEST_BIN"], "gateway", "--port", str(self.port), "--verbose"],
            env={
                "HOME": str(self.home),
                "OPENCLAW_STATE_DIR": str(self.home),
                "OPENCLAW_BUNDLED_PLUGINS_DIR": str(bundled),
            },
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        watchdog = threading.Timer(START_SECONDS, self.process.kill)
        watchdog.start()
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if READY in line:
                break
        else:
            sys.exit("the gateway did not start:\n" + "".join(self.said))
        watchdog.cancel()
        # what it says after that must not fill the pipe
        threading.Thread(target=lambda: self.said.extend(self.process.stdout), daemon=True).start()
        return self

    def restart(self):
        """Has it begin anew, in the same process, and waits until it has."""
        times = self.begun() + 1
        self.process.send_signal(signal.SIGUSR2)
        end = time.monotonic() + START_SECONDS
        while self.begun() < times:
            if time.monotonic() > end:
                sys.exit("the gateway did not begin anew:\n" + "".join(self.said[-50:]))
            time.sleep(0.05)

    def begun(self):
        return sum(READY in line for line in list(self.said))

    def __exit__(self, *failure):
        self.process.terminate()
        self.process.wait(20)
        if failure[0]:
            print("--- the gateway said:\n" + "".join(self.said[-200:]), file=sys.stderr)
        shutil.rmtree(self.home)
