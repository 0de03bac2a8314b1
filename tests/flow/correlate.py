#!/usr/bin/env python3
"""Rules that need the same number, or several victims, through the real daemon: what is of another number does not count, and
a restart in between forgets nothing. usage: correlate.py --tocsin PROGRAM"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import free_port  # noqa: E402

RULE = """
id: correlated_1
rev: 1
status: stable
title: 同一号码打给几个人
category: medins_safe_account
level: red
match: {any: ['安全账户']}
threshold: {count: 3, within: 2h, victims: 2, same: number}
expires: 12h
say:
  voice: 防骗提醒。说安全账户的，是骗子。先问护士。
  voice_short: 防骗提醒。说安全账户的，是骗子。先问护士。
  screen: {headline: 说安全账户的是骗子, lines: [别转账]}
  chat: 【防骗提醒】有人说安全账户。这是诈骗。
  duty: 同一号码打给几个人。
  caught: 已经转了的，马上打 110。
  correction: 更正。请您不必担心。
samples: {match: ['请转到安全账户'], pass: ['没有这回事']}
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-correlate-") as folder:
        run(os.path.abspath(args.tocsin), folder)
    print("correlate: all as it should be")


def run(tocsin, folder):
    def path(name):
        return os.path.join(folder, name)

    os.mkdir(path("pack"))
    with open(path("pack/rule.yaml"), "w", encoding="utf-8") as f:
        f.write(RULE)
    with open(path("tocsin.yaml"), "w", encoding="utf-8") as f:
        f.write(f"""
relay: {{id: co, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{path('pack')}]}}
feeds:
  - {{id: f1, type: carrier, source: file, path: {path('in.jsonl')}, areas: ['61']}}
sites: [{{id: s1, name: 医院, area: '6101', zones: [{{id: hall, class: hall}}]}}]
chats: [{{id: room, type: file, audience: duty, path: {path('room.jsonl')}}}]
route: {{receiver: everyone}}
receivers: [{{name: everyone, pa: [bulletin], chats: all}}]
""")
    open(path("in.jsonl"), "w").close()
    number = 0

    def start():
        relay = subprocess.Popen([tocsin, "run", "-c", path("tocsin.yaml")], stderr=open(path("log"), "a"))
        until("the relay", lambda: subprocess.run([tocsin, "alerts", "list", "-c", path("tocsin.yaml"), "--json"],
                                                  capture_output=True).returncode == 0
              and os.path.exists(path("state/control.sock")))
        return relay

    def until(what, test):
        for _ in range(300):
            found = test()
            if found:
                return found
            time.sleep(0.02)
        raise SystemExit(f"correlate: waited in vain for {what}: " + open(path("log")).read()[-2000:])

    def alerts():
        done = subprocess.run([tocsin, "alerts", "list", "-c", path("tocsin.yaml"), "--json"], capture_output=True, text=True)
        return json.loads(done.stdout)

    def event(caller, victim):
        nonlocal number
        number += 1
        line = {"event_id": f"e{number}", "sent_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
                "kind": "call", "text": "请把钱转到安全账户", "area": "610113", "victim": {"ref": victim, "area": "610113"}}
        if caller:
            line["suspect"] = {"number": caller}
        with open(path("in.jsonl"), "a", encoding="utf-8") as f:
            f.write(json.dumps(line, ensure_ascii=False) + "\n")

    def candidates(n):
        def listed():
            done = subprocess.run([tocsin, "alerts", "list", "--review", "-c", path("tocsin.yaml"), "--json"],
                                  capture_output=True, text=True)
            return done.returncode == 0 and len(json.loads(done.stdout)) >= n
        until(f"{n} candidates", listed)

    relay = start()
    try:
        for i in range(6):
            event(f"1700000{i:04d}", f"v{i}")  # six numbers, once each
        event(None, "v9")  # no number: counts for nothing
        event("17012345678", "v1")
        event("17012345678", "v1")
        candidates(9)
        assert alerts() == [], alerts()
        relay.send_signal(signal.SIGKILL)
        relay.wait(10)
        relay = start()
        assert alerts() == []
        event("17012345678", "v2")  # the third call of this number, to a second victim
        alert = until("the alert", alerts)
        assert len(alert) == 1 and alert[0]["rule"] == "correlated_1", alert
        stored = open(path("state/tocsin.db"), "rb").read() + open(path("state/tocsin.db-wal"), "rb").read()
        assert b"17012345678" not in stored and b"17000000003" not in stored, "a number is in the store"
    finally:
        relay.terminate()
        relay.wait(10)


if __name__ == "__main__":
    main()
