#!/usr/bin/env python3
"""Rules that need the same number, or several victims, through the real daemon: what is of another number, or was taken back,
does not count; a restart in between forgets nothing, a correction everything. usage: correlate.py --tocsin PROGRAM"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import Still, main  # noqa: E402
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


class Correlate(Still):
    number = 0

    def configuration(self):
        os.mkdir(self.path("pack"))
        self.write("pack/rule.yaml", RULE)
        return f"""
relay: {{id: co, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{self.path('pack')}]}}
feeds:
  - {{id: f1, type: carrier, source: file, path: {self.path('in.jsonl')}, areas: ['61']}}
  - {{id: f2, type: carrier, source: file, path: {self.path('in2.jsonl')}, areas: ['61']}}
sites: [{{id: s1, name: 医院, area: '6101', zones: [{{id: hall, class: hall}}]}}]
chats: [{{id: room, type: file, audience: duty, path: {self.path('room.jsonl')}}}]
route: {{receiver: everyone}}
receivers: [{{name: everyone, pa: [bulletin], chats: all}}]
"""

    def calls(self, caller, victim, into="in.jsonl", area="610113"):
        self.number += 1
        self.event(self.number, area, into, text="请把钱转到安全账户", count=1, victim={"ref": victim, "area": area},
                   suspect={"number": caller} if caller else None)

    def take_back(self, number):
        self.number += 1
        self.event(self.number, "610113", msg_kind="cancel", references=[f"e{number}"])


def correlated(r):
    for i in range(6):
        r.calls(f"1700000{i:04d}", f"v{i}", area="610104")  # six numbers, once each
    r.calls(None, "v9")  # no number: counts for nothing
    r.calls("17012345678", "v1")
    r.calls("17012345678", "v1")
    r.until("the candidates", lambda: len(r.cli("alerts", "list", "--review")) == 9)
    assert r.cli("alerts", "list") == []
    r.kill()
    r.start()
    assert r.cli("alerts", "list") == []
    r.take_back(r.number)
    r.until("one less", lambda: len(r.cli("alerts", "list", "--review")) == 8)
    r.calls("17012345678", "v2")
    r.until("one more", lambda: len(r.cli("alerts", "list", "--review")) == 9)
    assert r.cli("alerts", "list") == [], "a call that was taken back was counted"
    r.calls("17012345678", "v2", "in2.jsonl")  # the third call of this number, to a second victim
    alert = r.until("the alert", lambda: r.cli("alerts", "list"))
    assert len(alert) == 1 and alert[0]["rule"] == "correlated_1", alert
    why = [v["note"] for v in r.cli("alerts", "show", alert[0]["id"])["revisions"]]
    assert why == ["threshold"], f"a second feed is not what this rule waits for: {why}"
    # What people are told is of this number: the others, and the call without one, are for a person to look at as before.
    def standing():
        a = r.cli("alerts", "list")[0]
        return a["count"], a["areas"], len(r.cli("alerts", "list", "--review"))
    assert standing() == (3, "610113", 7), standing()
    r.calls("17012345678", "v1")
    r.until("its next call", lambda: standing() == (4, "610113", 7))
    r.calls("17098765432", "v1")
    r.calls("17098765432", "v2", "in2.jsonl", area="610104")
    r.until("another number", lambda: standing() == (4, "610113", 9))
    r.calls(None, "v3")
    r.until("none", lambda: standing() == (4, "610113", 10))
    r.calls("17098765432", "v2")  # it has met the rule as well
    r.until("both", lambda: standing() == (7, "610113 610104", 8))
    r.calls("17098765432", "v2")
    r.until("all of them", lambda: standing() == (8, "610113 610104", 8))
    r.cli("alerts", "cancel", alert[0]["id"], "--by", "王队")
    r.calls("17012345678", "v3")
    r.until("a candidate of its own", lambda: len(r.cli("alerts", "list", "--review")) == 9)
    assert len(r.cli("alerts", "list")) == 1, "what a person took back was counted"
    # A person stands for one of them: it is told with what has the same number, and no other.
    one = next(e["event"] for e in r.cli("alerts", "list", "--review") if e["event_id"] == "e1")
    r.cli("alerts", "confirm", str(one), "--by", "王队")
    assert standing() == (1, "610104", 8), standing()
    stored = b"".join(open(r.path(f"state/tocsin.db{part}"), "rb").read() for part in ("", "-wal"))
    assert b"17012345678" not in stored and b"17000000003" not in stored, "a number is in the store"


if __name__ == "__main__":
    main(Correlate, correlated)
