#!/usr/bin/env python3
"""kill -9 at random and at every named point, and nothing that was accepted is lost.

The relay runs for real against a real broker and stand-ins. A feed publishes events until each has its receipt. The relay is
killed again and again. At the end a checker reads only the receipts and the targets' own records:

  - every accepted event names an alert, and that alert reached every target
  - a delivery's id always stands for the same text
  - nothing was sent after its expiry

usage: crash.py --tocsin PROGRAM --standin PROGRAM --pack DIR [--kills N] [--seed N]
"""
import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone, timedelta

POINTS = ["after_read", "in_transaction", "before_commit", "after_commit", "after_puback", "after_send",
          "before_checkpoint", "after_checkpoint", "in_pruning", "in_reload", "before_outcome"]
EVENTS_A_ROUND = 25


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, seconds, test):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return
        time.sleep(0.02)
    raise SystemExit(f"crash: gave up after {seconds} s waiting for {what}")


class Lines:
    """A child whose standard output is collected line by line."""

    def __init__(self, argv):
        self.lines = []
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.broker_port, self.web_port, self.http_port = free_port(), free_port(), free_port()
        self.sent = {}       # event id -> line
        self.accepted = {}   # event id -> alert id
        self.children = []
        self.relay = None
        self.seen_receipts = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        with open(self.path("mosquitto.conf"), "w") as f:
            f.write(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", self.path("mosquitto.conf")], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.standin = subprocess.Popen([self.args.standin, "--port", str(self.web_port), "--rate", "-1", "--journal",
                                         self.path("chat.jsonl"), "--quiet"], stdout=subprocess.DEVNULL)
        for port in (self.broker_port, self.web_port):
            wait_for("a server", 10, lambda p=port: socket.socket().connect_ex(("127.0.0.1", p)) == 0)
        base = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", "1", "-v"]
        self.receipts = Lines(base + ["-t", "tocsin/v1/receipts/#"])
        self.speakers = Lines(base + ["-t", "tocsin/v1/pa/+/+/announce"])
        self.pusher = subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", "1", "-l",
                                        "-t", "tocsin/v1/feeds/f1/events"], stdin=subprocess.PIPE)
        with open(self.path("tocsin.yaml"), "w") as f:
            f.write(f"""
relay: {{id: crash, state_dir: {self.path('state')}, issuer: 测试, help: 服务台, announce_per_day: 10000}}
broker: {{host: 127.0.0.1, port: {self.broker_port}}}
http: {{listen: ['127.0.0.1:{self.http_port}']}}
rules: {{packs: [{self.args.pack}]}}
feeds:
  - {{id: f1, type: bank, areas: ['61'], rate: 100000/s}}
sites:
  - {{id: s1, name: 医院, area: '61', zones: [{{id: hall, class: hall}}], wards: []}}
chats:
  - {{id: log, type: file, audience: public, path: {self.path('file.jsonl')}}}
  - {{id: group, type: wecom, audience: public, url: 'http://127.0.0.1:{self.web_port}/cgi-bin/webhook/send?key=crash', allow_insecure: true, rate: 100/s}}
route: {{receiver: everyone, group_by: [rule, area6]}}
receivers:
  - {{name: everyone, pa: [announce], displays: [], chats: all}}
""")

    def run_relay(self, crash=None):
        env = dict(os.environ, TOCSIN_LANG="en")
        if crash:
            env["TOCSIN_CRASH"] = crash
        self.relay = subprocess.Popen([self.args.tocsin, "run", "-c", self.path("tocsin.yaml")], env=env,
                                      stderr=open(self.path("relay.log"), "a"))

    def kill_relay(self):
        if self.relay.poll() not in (None, -signal.SIGKILL):
            raise SystemExit(f"crash: the relay ended by itself with {self.relay.returncode}")
        if self.relay.poll() is None:
            self.relay.send_signal(signal.SIGKILL)
        self.relay.wait()

    def publish(self, n):
        for _ in range(n):
            number = len(self.sent)
            now = datetime.now(timezone(timedelta(hours=8))).isoformat(timespec="milliseconds")
            # Five times the threshold, so that it is spoken; an area of its own (00 would be the whole prefecture).
            area = f"61{number // 99 % 90 + 10}{number % 99 + 1:02d}"
            line = json.dumps({"event_id": f"e{number}", "sent_at": now, "area": area, "kind": "call",
                               "count": 5, "text": "请把钱转账到安全账户核查"}, ensure_ascii=False)
            self.sent[f"e{number}"] = line
            self.push(line)

    def push(self, line):
        self.pusher.stdin.write(line.encode() + b"\n")
        self.pusher.stdin.flush()

    def read_receipts(self):
        lines = self.receipts.lines
        while self.seen_receipts < len(lines):
            topic, _, payload = lines[self.seen_receipts].partition(" ")
            self.seen_receipts += 1
            for r in json.loads(payload)["results"]:
                if r["status"] == "rejected":
                    raise SystemExit(f"crash: a good event was rejected: {r}")
                alerts = r.get("alerts", [])
                if not alerts:
                    raise SystemExit(f"crash: an accepted event has no alert: {r}")
                before = self.accepted.setdefault(r["event_id"], alerts[0])
                if before != alerts[0]:
                    raise SystemExit(f"crash: {r['event_id']} was accepted for {before} and for {alerts[0]}")

    def resend(self):
        self.read_receipts()
        for event_id, line in self.sent.items():
            if event_id not in self.accepted:
                self.push(line)

    def stop(self):
        for p in (self.relay, self.pusher, self.standin, self.receipts.child, self.speakers.child, self.broker):
            if p and p.poll() is None:
                p.kill()
                p.wait()


def records(bench):
    """What the targets themselves have: (target, delivery id, text, when, expires)."""
    with open(bench.path("file.jsonl")) as f:
        for line in f:
            if line.endswith("\n") and line.strip():
                m = json.loads(line)
                yield "file:log", m["delivery"], m["chat"], m["time"], m["expires"]
    for line in list(bench.speakers.lines):
        m = json.loads(line.partition(" ")[2])
        yield "pa:s1/hall", m["id"], m["text"], m["now"], m["expires"]


def chat_ids(bench):
    """The groups get a text only; the short id in it is what they have."""
    ids = set()
    try:
        with open(bench.path("chat.jsonl")) as f:
            for line in f:
                ids.add(line)
    except FileNotFoundError:
        pass
    return "".join(ids)


def check(bench):
    by_delivery, reached = {}, {}
    for target, delivery, text, when, expires in records(bench):
        if by_delivery.setdefault(delivery, text) != text:
            raise SystemExit(f"crash: {delivery} was sent with two texts")
        if datetime.fromisoformat(when) > datetime.fromisoformat(expires):
            raise SystemExit(f"crash: {delivery} was sent at {when}, after {expires}")
        reached.setdefault(delivery.split("/")[0].rsplit(".", 1)[0], set()).add(target)
    said = chat_ids(bench)
    lost = []
    for event_id, alert in bench.accepted.items():
        have = set(reached.get(alert, ()))
        short = short_id(f"{alert}.1/wecom:group")
        if short in said:
            have.add("wecom:group")
        missing = {"file:log", "pa:s1/hall", "wecom:group"} - have
        if missing:
            lost.append((event_id, alert, sorted(missing)))
    return lost


def short_id(delivery):
    import base64
    import hashlib
    return base64.b32encode(hashlib.sha256(delivery.encode()).digest()).decode()[:5]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--standin", required=True)
    parser.add_argument("--pack", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    args.tocsin, args.standin, args.pack = (os.path.abspath(p) for p in (args.tocsin, args.standin, args.pack))
    random.seed(args.seed)
    print(f"crash: seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tocsin-crash-") as folder:
        bench = Bench(args, folder)
        try:
            bench.start()
            at_point = {p: 0 for p in POINTS}
            random_kills = 0
            for n in range(args.kills):
                point = POINTS[n // 2 % len(POINTS)] if n % 2 == 0 else None
                times = 1 if point in ("in_pruning", "in_reload", "before_checkpoint", "after_checkpoint") else random.randint(1, 6)
                bench.run_relay(f"{point}:{times}" if point else None)
                time.sleep(0.15)
                slow = point in ("in_pruning", "before_checkpoint", "after_checkpoint")
                bench.publish(EVENTS_A_ROUND * (4 if slow else 1))  # a checkpoint waits for a log of some size
                if point == "in_reload" and bench.relay.poll() is None:
                    time.sleep(0.2)
                    bench.relay.send_signal(signal.SIGHUP)
                try:
                    bench.relay.wait(4.0 if slow else 1.2 if point else random.uniform(0.02, 0.5))
                except subprocess.TimeoutExpired:
                    pass
                if bench.relay.poll() == -signal.SIGKILL and point:
                    at_point[point] += 1
                else:
                    random_kills += 1
                bench.kill_relay()
                bench.resend()
            bench.run_relay()
            last = [0.0]

            def all_receipts():
                if time.monotonic() - last[0] > 1.0:
                    last[0] = time.monotonic()
                    bench.resend()
                bench.read_receipts()
                return len(bench.accepted) == len(bench.sent)
            wait_for("the receipts", 60, all_receipts)
            wait_for("the targets", 60, lambda: not check(bench))
        except SystemExit:
            with open(bench.path("relay.log")) as log:
                sys.stderr.write("crash: the relay's last words:\n" + "".join(log.readlines()[-25:]))
            raise
        finally:
            lost = check(bench) if bench.accepted else []
            bench.stop()
        if lost:
            for item in lost[:20]:
                print("crash: LOST", item)
            raise SystemExit(1)
        print(f"crash: {len(bench.sent)} events accepted and delivered to 3 targets over {args.kills} kills "
              f"({random_kills} at random; at points: " + ", ".join(f"{p} {n}" for p, n in at_point.items()) + ")")
        never = [p for p, n in at_point.items() if not n]
        if args.kills >= 2 * len(POINTS) and never:
            raise SystemExit(f"crash: never stopped at {', '.join(never)}: the test does not test them")


if __name__ == "__main__":
    main()
