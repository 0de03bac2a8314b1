#!/usr/bin/env python3
"""How a console ends: its address after five minutes, its page after half an hour unseen, itself after --for.
usage: console.py --tocsin PROGRAM"""
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Relay, main  # noqa: E402
from rig import faketime, free_port, set_clock  # noqa: E402


class Consoles(Relay):
    def configuration(self):
        return f"""
relay: {{id: cs, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{PACK}]}}
feeds: [{{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61']}}]
chats: [{{id: room, type: file, audience: duty, path: {self.path('room.jsonl')}}}]
route: {{receiver: everyone}}
receivers: [{{name: everyone, chats: all}}]
"""


class Console:
    """`tocsin console` at a terminal of its own, under a clock that the test sets."""

    def __init__(self, relay, *words):
        self.relay, self.seconds = relay, 0
        self.forward(0)
        self.terminal, theirs = os.openpty()
        env = dict(os.environ, TOCSIN_LANG="en", **faketime(relay.path("clock")))
        self.log = open(relay.path("console"), "wb")
        self.process = subprocess.Popen([relay.tocsin, "console", "--by", "王警官", *words, "-c", relay.path("tocsin.yaml")], stdin=theirs,
                                        stdout=self.log, stderr=self.log, env=env)
        os.close(theirs)
        self.address = self.next_address(0)
        self.origin = self.address.rsplit("/", 1)[0]

    def said(self):
        return self.relay.read("console")

    def next_address(self, known):
        return self.relay.until("an address", lambda: re.findall(r"http:\S+", self.said())[known:])[0]

    def forward(self, seconds):
        """Both of its clocks, the wall's and the one that only goes on."""
        self.seconds += seconds
        set_clock(self.relay.path("clock"), self.seconds)

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


def ends(relay):
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


if __name__ == "__main__":
    main(Consoles, ends)
