"""A relay whose feed and targets are files, and what people do to it with the real command line.

  class Nights(Relay):          def quiet(r):
      def configuration(self):      r.event(1, "610113"); alert = r.alert_in("610113"); …
  main(Nights, quiet, loud)     usage of the test: --tocsin PROGRAM [PART…]
"""
import argparse
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import urllib.parse
from datetime import datetime, timedelta

from rig import Control, FRAUD, Failed, ZONE, faketime, json_lines, require, set_clock, stamp, wait_for

SOURCE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PACK = os.path.join(SOURCE, "tests", "crash", "pack")
ENGLISH = dict(os.environ, TOCSIN_LANG="en")


class Relay:
    """A file feed, and whatever its configuration says."""

    env = {}  # of the relay and of the command line
    player = None  # the hospital's, where a test needs it

    def __init__(self, tocsin, folder):
        self.tocsin, self.folder = os.path.abspath(tocsin), folder
        self.write("tocsin.yaml", self.configuration())
        self.write("in.jsonl", "")
        self.start()

    def configuration(self):
        raise NotImplementedError

    def start(self, **env):
        with open(self.path("log"), "a") as log:
            self.process = subprocess.Popen([self.tocsin, "run", "-c", self.path("tocsin.yaml")], stderr=log,
                                            env=dict(os.environ, **self.env, **env))
        try:
            self.until("the relay", lambda: self.run("status", "--json").stdout)
        except Failed:
            self.kill()
            sys.stderr.write(self.read("log"))
            raise

    def stop(self):
        """What ended by itself, or by kill(), is not looked at."""
        if self.process.poll() is None:
            self.process.terminate()
            require(self.process.wait(30) == 0, f"the relay stopped with {self.process.returncode}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def run(self, *words):
        return subprocess.run([self.tocsin, *words, "-c", self.path("tocsin.yaml")], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env=dict(ENGLISH, **self.env))

    def cli(self, *words, fails=False):
        done = self.run(*words, "--json")
        assert (done.returncode != 0) == fails, f"tocsin {words}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout)

    def status(self):
        """Its exit code says that the broker is away, as it is in these tests."""
        return json.loads(self.run("status", "--json").stdout)

    def wake(self):
        return self.status()

    def refused(self, right, wrong, words):
        """`tocsin check` must find the mistake and say so."""
        self.write("wrong.yaml", self.read("tocsin.yaml").replace(right, wrong, 1))
        done = subprocess.run([self.tocsin, "check", "-c", self.path("wrong.yaml")], capture_output=True, text=True, env=ENGLISH)
        assert done.returncode == 1 and words in done.stdout + done.stderr, (words, done)

    def until(self, what, test):
        return wait_for(what, 30, test)

    def moment(self):
        return datetime.now(ZONE)

    def event(self, number, area, into="in.jsonl", **more):
        event = {"event_id": f"e{number}", "sent_at": stamp(self.moment()), "area": area, "kind": "call", "text": FRAUD, "count": 5,
                 **more}
        with open(self.path(into), "a", encoding="utf-8") as f:
            f.write(json.dumps({k: v for k, v in event.items() if v is not None}, ensure_ascii=False) + "\n")

    def lines_of(self, chat):
        """What a file target has."""
        return json_lines(self.path(f"{chat}.jsonl"))

    def states(self, alert):
        return {d["target"]: (d["state"], d["reason"]) for d in reversed(self.cli("deliveries", "list", "--alert", alert))}

    def rows(self, sql, *values):
        """What is in the store, beside the relay."""
        db = sqlite3.connect(f"file:{self.path('state/tocsin.db')}?mode=ro", uri=True)
        rows = db.execute(sql, values).fetchall()
        db.close()
        return rows

    def shown(self, alert):
        """Who shows the alert, and which revision."""
        return dict(self.rows("SELECT t.name, d.rev FROM showing s JOIN target t ON t.id = s.target JOIN delivery d ON d.id = s.delivery "
                              "JOIN alert a ON a.n = s.alert WHERE a.id = ?", alert))

    def configure(self, *changes, restart=False):
        """Other words in its file, each (old, new), and the relay takes them."""
        text = self.read("tocsin.yaml")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        self.write("tocsin.yaml", text)
        if restart:
            self.stop()
            return self.start()
        reloads = self.read("log").count("reloaded ")
        self.process.send_signal(signal.SIGHUP)
        self.until("a reload", lambda: self.read("log").count("reloaded ") > reloads)
        return self.wake()  # an answer: its turn has been stored

    def alert_in(self, area):
        return self.until(f"an alert in {area}",
                          lambda: next((a["id"] for a in self.cli("alerts", "list") if a["areas"] == area), None))


class Still(Relay):
    """Its clocks stand but for what the test lets pass: however slow the machine is, nothing comes too late or too soon."""

    def __init__(self, tocsin, folder):
        self.env = faketime(os.path.join(folder, "clock"))
        self.folder = folder
        self.clock(datetime(datetime.now(ZONE).year + 1, 3, 1, 12, 0, tzinfo=ZONE))  # later than the build, and always the same months
        super().__init__(tocsin, folder)

    def moment(self):
        return self.now

    def clock(self, at):
        self.now = at
        set_clock(self.path("clock"), at)

    def event(self, *about, **more):
        super().event(*about, **more)
        self.pass_time(seconds=1)  # it looks into a file once a second

    def wake(self):
        """A word wakes it: its own waits are by a clock that stands still."""
        return self.view("/v1/status")

    def view(self, path):
        """What it shows to the command line there; None when it does not answer, or not with that."""
        control = Control(self.path("state", "control.sock"))
        try:
            control.request("GET", path)
            answer = control.getresponse()
            return answer.read() if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None  # it is not there
        finally:
            control.close()

    VIEWS = {("alerts", "list"): "/v1/alerts", ("alerts", "show"): "/v1/alert",
             ("deliveries", "list"): "/v1/deliveries", ("deliveries", "show"): "/v1/delivery"}

    def cli(self, *words, fails=False):
        """What is only looked at costs no program: these tests look hundreds of times, and starting one takes ten times as long
        as its question. Verbs, refusals and a relay that is away are the real command line's."""
        path = self.VIEWS.get(words[:2])
        if fails or not path:
            return super().cli(*words, fails=fails)
        names, asked = iter(words[2:]), {}
        for name in names:
            if not name.startswith("--"):
                asked["id"] = name
            elif name in ("--active", "--review"):
                asked[name[2:]] = "1"
            else:
                asked[name[2:]] = next(names)
        seen = self.view(f"{path}?{urllib.parse.urlencode(asked)}")
        return json.loads(seen) if seen else super().cli(*words)

    def pass_time(self, **time):
        self.clock(self.now + timedelta(**time))
        for _ in range(3):  # turns: what is due now is stored and sent, and its outcome kept
            self.wake()

    def until(self, what, test):
        return super().until(what, lambda: self.wake() and test())


def main(kind, *parts):
    """Each part on a relay of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--player")
    parser.add_argument("part", nargs="*", help="all without one: " + ", ".join(p.__name__ for p in parts))
    args = parser.parse_args()
    kind.player = args.player
    known = {p.__name__: p for p in parts}
    for name in args.part or known:
        with tempfile.TemporaryDirectory(prefix="tocsin-flow-") as folder:
            relay = kind(args.tocsin, folder)
            try:
                known[name](relay)
                relay.stop()
            except BaseException:
                relay.kill()
                sys.stderr.write(f"{name}: the relay's last words:\n{relay.read('log')[-2000:]}")
                raise
        print(f"{name}: all as it should be")
