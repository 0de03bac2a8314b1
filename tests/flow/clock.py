#!/usr/bin/env python3
"""The 1-2-3-minute clock: who is reminded, with which words, until a named person has seen the alert; over a
kill -9, a cancel, an approval that waits; and the story of an alert that shows it. usage: clock.py --tocsin PROGRAM [PART…]"""
import json
import os
import signal
import sys
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Still, main  # noqa: E402
from rig import free_port  # noqa: E402


class Clock(Still):
    def configuration(self):
        return f"""
relay: {{id: ck, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{PACK}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61', '62', '63']}}
sites:
  - {{id: s1, name: 医院, area: '6101', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats:
  - {{id: club, type: file, audience: volunteer, path: {self.path('club.jsonl')}, quiet: []}}
  - {{id: room, type: file, audience: duty, path: {self.path('room.jsonl')}}}
  - {{id: chief, type: file, audience: duty, path: {self.path('chief.jsonl')}}}
route:
  receiver: everyone
  group_by: [rule, area6]
  escalate: [{{after: 1m, chats: [room]}}, {{after: 2m, chats: [chief]}}, {{after: 3m, chats: all}}]
  routes:
    - {{matchers: ['area2="63"'], approve: two}}
    - {{matchers: ['area6="620109"'], escalate: []}}
    - {{matchers: ['area6="620108"'], repeat_interval: 1m, escalate: []}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: [room, club]}}
"""

    def heard(self, chat, alert):
        """The reminders' numbers of this alert's messages here, 0 for the alert itself."""
        texts = [m["chat"] for m in self.lines_of(chat) if m["alert"] == alert and m["msgType"] != "Cancel"]
        assert all("{{" not in t for t in texts), texts
        assert all(("尚无人确认" in t) == t.startswith("【第") for t in texts), texts
        return [int(t[len("【第"):t.index("次提醒】")]) if t.startswith("【第") else 0 for t in texts]

    def steps(self, alert):
        return [(s.get("rev"), s.get("note"), s["due"] is None) for s in self.cli("alerts", "show", alert)["escalation"]]


def reminders(r):
    r.cli("silence", "add", "--matcher", 'area6="620104"', "--for", "1h", "--by", "王队", "--reason", "核实中")
    areas = {"alone": "610113", "seen": "620101", "cancelled": "620102", "approval": "630101", "confirmed": "620103",
             "silent": "620104", "none": "620109", "repeats": "620108"}
    for n, area in enumerate(areas.values()):
        r.event(n, area, count=1)
    a = {name: r.alert_in(area) for name, area in areas.items()}
    first = r.cli("alerts", "show", a["alone"])
    assert [s["after"] for s in first["escalation"]] == ["1m", "2m", "3m"]
    r.pass_time(minutes=1)
    assert r.heard("room", a["seen"]) == [0, 1] and r.heard("chief", a["seen"]) == []
    r.cli("alerts", "ack", a["seen"], "--by", "值班员")
    r.cli("alerts", "cancel", a["cancelled"], "--by", "王队")
    r.cli("alerts", "confirm", a["confirmed"], "--by", "王队")
    r.pass_time(minutes=1)
    r.pass_time(minutes=1)

    # Nobody has seen it: the room, then the chief, then everybody; loudspeakers and screens only once.
    assert [r.heard(chat, a["alone"]) for chat in ("room", "chief", "club")] == [[0, 1, 3], [2, 3], [0, 3]]
    story = r.cli("alerts", "show", a["alone"])
    assert {d["rev"] for d in story["deliveries"] if d["target"].startswith(("pa:", "board:", "bulletin:"))} <= {1}
    assert [(v["rev"], v["note"].split(":")[0]) for v in story["revisions"]] == [
        (1, "threshold"), (2, "reminder 1"), (3, "reminder 2"), (4, "reminder 3")], story["revisions"]
    assert r.steps(a["alone"]) == [(2, None, True), (3, None, True), (4, None, True)]
    assert {d["target"]: d["state"] for d in story["deliveries"] if d["rev"] == 1}["file:room"] == "sent"
    # Seen, confirmed, cancelled, silenced: what was to come did not come.
    assert r.heard("room", a["seen"]) == [0, 1] and r.heard("chief", a["seen"]) == [] and r.heard("club", a["seen"]) == [0]
    assert r.steps(a["seen"])[1:] == [(None, "seen by 值班员", True)] * 2
    assert r.heard("room", a["cancelled"]) == [0, 1] and r.heard("chief", a["cancelled"]) == []
    assert r.steps(a["cancelled"])[1:] == [(None, "cancelled by 王队", True)] * 2
    assert r.heard("chief", a["confirmed"]) == [], "what a person has confirmed needs no reminder"
    assert r.steps(a["silent"]) == [(None, "silence 1", True)] * 3
    assert "silence.add" in [x["verb"] for x in r.cli("alerts", "show", a["silent"])["actions"]]
    # What waits for approval is said to the duty groups, and to nobody else, with the same clock.
    assert [r.heard(chat, a["approval"]) for chat in ("room", "chief", "club")] == [[1, 3], [2, 3], []]
    r.cli("alerts", "approve", a["approval"], "--by", "王队")
    assert r.cli("alerts", "show", a["approval"])["acknowledged_by"] == "王队"
    # A route below may have none, and reminders without steps come at their interval, at most three.
    assert r.heard("room", a["none"]) == [0] and r.cli("alerts", "show", a["none"])["escalation"] == []
    r.pass_time(minutes=1)
    assert r.heard("room", a["repeats"]) == [0, 1, 2, 3] and r.heard("club", a["repeats"]) == [0]

    # Said by a person later: its time is in the story, and the words on one screen.
    r.cli("alerts", "ack", a["alone"], "--by", "李警官", "--reason", "已到现场")
    assert "李警官" in r.cli("alerts", "ack", a["alone"], "--by", "王队", fails=True)
    story = r.cli("alerts", "show", a["alone"])
    assert all(story["times"][k] for k in ("received", "accepted", "sent", "acknowledged")), story["times"]
    assert story["times"]["played"] is None and story["acknowledged_by"] == "李警官"
    screen = r.run("alerts", "show", a["alone"]).stdout
    for part in ("李警官", "已到现场", "accepted", "seen by a person +", "reminder 3", "f1", "board:s1/w1"):
        assert part in screen, f"{part} is missing in\n{screen}"
    assert screen.count("\n") <= 40, screen
    rows = {(d["target"], d["rev"]): d["id"] for d in story["deliveries"]}
    texts = r.cli("deliveries", "show", rows["file:room", 4])["texts"]
    assert texts["chat"].startswith("【第3次提醒】") and "{{" not in json.dumps(texts), texts
    assert "{{" not in r.run("deliveries", "show", rows["file:club", 1]).stdout


def kills(r):
    """The steps are rows: after a kill -9 the clock goes on; what was missed meanwhile is said once."""
    r.event(1, "610113", count=1)
    alert = r.alert_in("610113")
    r.pass_time(minutes=1)
    assert r.heard("room", alert) == [0, 1]
    r.kill()
    r.start()
    r.pass_time(minutes=1)
    assert r.heard("room", alert) == [0, 1] and r.heard("chief", alert) == [2]
    r.event(2, "620101", count=1)
    late = r.alert_in("620101")
    assert r.heard("room", late) == [0]
    r.kill()
    r.clock(r.now + timedelta(minutes=4))
    r.start()
    r.until("one for all three", lambda: r.heard("chief", late) == [3])
    r.pass_time(minutes=4)
    assert [r.heard(chat, late) for chat in ("room", "chief", "club")] == [[0, 3], [3], [0, 3]]
    assert r.steps(late) == [(2, "said as reminder 3", True), (2, "said as reminder 3", True), (2, None, True)]
    # Stopped in the middle of a step, before its commit: it is taken again, and once.
    r.stop()
    r.start(TOCSIN_CRASH="in_escalation")
    r.event(3, "620102", count=1)
    cut = r.alert_in("620102")
    r.pass_time(minutes=1)
    assert r.process.wait(10) == -signal.SIGKILL, "it did not stop at the point"
    assert r.heard("room", cut) == [0]
    r.start()
    r.until("the first step", lambda: r.heard("room", cut) == [0, 1])
    r.pass_time(minutes=1)
    r.pass_time(minutes=1)
    assert [r.heard(chat, cut) for chat in ("room", "chief", "club")] == [[0, 1, 3], [2, 3], [0, 3]]


def mistakes(r):
    for right, wrong, words in (("after: 3m", "after: 2m", "in order"), ("chats: [chief]}", "chats: [chef]}", "chef"),
                                ("{after: 1m, ", "{", "after")):
        r.refused(right, wrong, words)


if __name__ == "__main__":
    main(Clock, reminders, kills, mistakes)
