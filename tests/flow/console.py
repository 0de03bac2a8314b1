#!/usr/bin/env python3
"""How a console ends: its address after five minutes, its page after half an hour unseen, itself after --for.
usage: console.py --tocsin PROGRAM --pack DIR"""
import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from people import Relay  # noqa: E402

LIBRARY = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


class Console:
    """`tocsin console` at a terminal of its own, under a clock that the test sets."""

    def __init__(self, relay, *words):
        self.relay, self.seconds = relay, 0
        self.forward(0)
        self.terminal, theirs = os.openpty()
        env = dict(os.environ, TOCSIN_LANG="en", LD_PRELOAD=LIBRARY[0], FAKETIME_TIMESTAMP_FILE=relay.path("clock"), FAKETIME_NO_CACHE="1",
                   ASAN_OPTIONS=":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])))
        self.log = open(relay.path("console"), "wb")
        self.process = subprocess.Popen([relay.tocsin, "console", "--by", "王警官", *words, "-c", relay.path("tocsin.yaml")], stdin=theirs,
                                        stdout=self.log, stderr=self.log, env=env)
        os.close(theirs)
        self.address = self.next_address(0)
        self.origin = self.address.rsplit("/", 1)[0]

    def said(self):
        with open(self.relay.path("console"), encoding="utf-8") as f:
            return f.read()

    def next_address(self, known):
        return self.relay.until("an address", lambda: re.findall(r"http:\S+", self.said())[known:])[0]

    def forward(self, seconds):
        """Both of its clocks, the wall's and the one that only goes on."""
        self.seconds += seconds
        with open(self.relay.path("clock.new"), "w") as f:
            f.write(f"+{self.seconds}\n")
        os.rename(self.relay.path("clock.new"), self.relay.path("clock"))

    def get(self, url, **headers):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode()

    def enter(self):
        status, headers, page = self.get(self.address)
        assert status == 200, (status, page)
        self.session = {"Cookie": headers["Set-Cookie"].split(";")[0], "X-Tocsin-Key": re.search(r"'tocsin-key','(\w+)'", page)[1]}

    def ask(self):
        return self.get(self.origin + "/v1/overview", **self.session)[0]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        os.close(self.terminal)
        self.log.close()


def run(relay):
    for wrong in ("59s", "25h", "x"):
        assert "1m to 24h" in relay.run("console", "--by", "王警官", "--for", wrong).stderr
    assert "--by" in relay.run("console").stderr

    console = Console(relay, "--for", "2h")
    try:
        console.forward(5 * 60 + 1)
        status, _, page = console.get(console.address)
        assert status == 403 and "Press Enter" in page, (status, page)
        os.write(console.terminal, b"\n")
        console.address = console.next_address(1)
        console.forward(4 * 60 + 50)
        console.enter()
        assert console.get(console.address)[0] == 403, "an address is good for one visit"
        for _ in range(2):  # whoever looks at it keeps it open
            console.forward(29 * 60)
            assert console.ask() == 200
        console.forward(30 * 60 + 5)
        assert console.ask() == 403, "half an hour unseen"
        os.write(console.terminal, b"\n")
        console.address = console.next_address(2)
        console.enter()
        assert console.ask() == 200 and console.process.poll() is None
        console.forward(30 * 60)
        try:
            console.ask()  # it wakes, and sees that it is late
        except OSError:
            pass
        assert console.process.wait(10) == 0
        assert "Its time is over" in console.said(), console.said()
    finally:
        console.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--pack", required=True)
    args = parser.parse_args()
    if not LIBRARY:
        print("skipped: libfaketime is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="tocsin-console-") as folder:
        relay = Relay(os.path.abspath(args.tocsin), os.path.abspath(args.pack), folder)
        try:
            run(relay)
        finally:
            relay.stop()
    print("console: it ends when it should")


if __name__ == "__main__":
    main()
