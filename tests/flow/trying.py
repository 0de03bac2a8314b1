#!/usr/bin/env python3
"""`rules try` counts as an alert what the relay itself would make one. usage: trying.py --tocsin PROGRAM [PART…]"""
import os
import resource
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Relay, Still, main  # noqa: E402
from rig import free_port  # noqa: E402


class Trying(Still):
    def configuration(self):
        with open(os.path.join(PACK, "rules.yaml"), encoding="utf-8") as f:
            self.write("rule.yaml", f.read().replace("id: crash_test", "id: crash_test_two").replace("count: 1,", "count: 2,"))
        return f"""
relay: {{id: tr, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{PACK}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61']}}
  - {{id: sand, type: bank, source: file, path: {self.path('sand.jsonl')}, areas: ['61'], mode: sandbox}}
  - {{id: mute, type: bank, source: file, path: {self.path('mute.jsonl')}, areas: ['61'], may_broadcast: false}}
chats: [{{id: room, type: file, audience: duty, path: {self.path('room.jsonl')}}}]
route: {{receiver: everyone}}
receivers: [{{name: everyone, chats: all}}]
"""


def alerts(r):
    tried = 0

    def alerting(what):
        nonlocal tried
        r.until(what, lambda: sum(f["accepted"] for f in r.status()["feeds"]) == tried)
        done = r.cli("rules", "try", r.path("rule.yaml"))
        assert done["events"] == tried, done
        return {a["area"]: a["alerts"] for a in done["areas"]}

    def happens(number, *about, **more):
        nonlocal tried
        tried += 1
        r.event(number, *about, count=1, **more)

    for into in ("sand", "mute"):
        r.write(f"{into}.jsonl", "")
        for number in (1, 2, 3):
            happens(number, "610104", f"{into}.jsonl")
    for number in (1, 2, 3):
        happens(number, "610104", status="Exercise")
        happens(10 + number, "610104", handling={"may_broadcast": False})
    happens(20, "610113")
    happens(21, "610113", msg_kind="update", references=["e20"])
    happens(22, "610113", msg_kind="update", references=["e21"])
    assert alerting("what is none") == {}
    happens(30, "610113", msg_kind="cancel", references=["e22"])
    happens(31, "610113")
    assert alerting("one taken back and one") == {}
    happens(32, "610113")
    assert alerting("two") == {"610113": 1}


def unsure(r):
    # What its pattern could not decide is counted: in use a person would be asked.
    with open(r.path("rule.yaml"), encoding="utf-8") as f:
        rule = f.read()
    before, after = rule.index("  match:"), rule.index("  threshold:")
    r.write("slow.yaml", (rule[:before] + "  match: {all: ['(?:x+)+!$']}\n" + rule[after:rule.index("  samples:")]).replace("stable", "test"))
    had = sum(f["accepted"] for f in r.status()["feeds"])
    r.event(90, "610113", text="x" * 60 + "!a", count=1)
    r.until("the event", lambda: sum(f["accepted"] for f in r.status()["feeds"]) == had + 1)
    done = r.cli("rules", "try", r.path("slow.yaml"))
    assert (done["found"], done["unsure"], done["alerts"]) == (0, 1, 0), done
    assert "1 events in which a pattern met its limit" in r.run("rules", "try", r.path("slow.yaml")).stdout


def many(r):
    # One feed's whole week for a rule that asks for two: the window stays full, and is still looked through quickly.
    with open(r.path("rule.yaml"), encoding="utf-8") as f:
        r.write("two.yaml", f.read().replace("count: 2, within: 2h, feeds: 1", "count: 2, within: 2h, feeds: 2, victims: 90"))
    had = sum(f["accepted"] for f in r.status()["feeds"])
    for number in range(4000):
        Relay.event(r, 1000 + number, "610102", count=1, victim={"ref": f"v{number}", "area": "610102"})
        if number % 100 == 99:
            r.pass_time(seconds=1)
    r.until("the week", lambda: r.pass_time(seconds=1) or sum(f["accepted"] for f in r.status()["feeds"]) == had + 4000)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = r.cli("rules", "try", r.path("two.yaml"))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert done["found"] >= 4000 and done["alerts"] == 0, done
    assert spent < 2, f"{spent:.1f} s of the processor"


if __name__ == "__main__":
    main(Trying, alerts, unsure, many)
