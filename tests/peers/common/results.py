"""What works and what doesn't: one table for each client in `docs/compatibility.md`.

The rows that begin with "works" are a promise: a run fails when one of them no longer does.
"""

import os
import pathlib
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "compatibility.md"
WORKS = "works"


class Failed(Exception):
    """Why a function doesn't work, in one line."""


class Results:
    """The results of one client. `name` marks its table in the page."""

    def __init__(self, name):
        self.name, self.rows = name, {}

    def add(self, function, result):
        self.rows[function] = re.sub(r"\s+", " ", result).replace("|", "/").strip()
        print(f"{function}: {self.rows[function]}", flush=True)

    def check(self, function, proof):
        """Runs a proof. It gives what it has to add to "works", or fails."""
        try:
            but = proof()
        except Failed as reason:
            self.add(function, str(reason))
        except subprocess.TimeoutExpired as late:
            self.add(function, f"no answer within {late.timeout:.0f} s")
        else:
            self.add(function, f"{WORKS}{but or ''}")

    def end(self, write):
        """Compares with the page, and writes it if that is wanted; gives the exit code.

        What worked and works no more stays in the page as it was, unless somebody gave `--write` by hand.
        """
        page = PAGE.read_text()
        table = self.part(page)
        promised = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.M)[1:])
        broken = [name for name, result in promised.items() if works(result) and not works(self.rows.get(name, "not tried"))]
        for name in broken:
            print(f"{name} worked: {self.rows.get(name, 'it is not tried any more')}", file=sys.stderr)
        if write or (os.environ.get("OPENCLAW_PEER_WRITE") and not broken):
            self.write(page, table)
        elif not broken and promised != self.rows:
            print(f"{PAGE.name} is not of today: run this peer with --write")
        return 1 if broken else 0

    def write(self, page, table):
        lines = [f"| {function} | {result} |" for function, result in self.rows.items()]
        new = "\n".join(["", "| Function | Result |", "|---|---|", *lines, ""])
        begin = f"<!-- {self.name} -->"
        PAGE.write_text(page.replace(f"{begin}{table}", f"{begin}{new}"))

    def part(self, page):
        found = re.search(rf"<!-- {self.name} -->(.*?)<!-- end -->", page, re.S)
        if found is None:
            sys.exit(f"{PAGE} has no table for {self.name}: it begins with <!-- {self.name} --> and ends with <!-- end -->")
        return found[1]


def works(result):
    return result.startswith(WORKS)
