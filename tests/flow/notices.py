#!/usr/bin/env python3
"""What the duty groups are told about what people have laid over the alerts: that a silence is on, that the month's drill comes,
begins, was not held. By a clock that the test sets. usage: notices.py --tocsin PROGRAM [PART…]"""
import os
import sqlite3
import sys
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Still, main  # noqa: E402
from rig import free_port  # noqa: E402


class Notices(Still):
    def configuration(self):
        return f"""
relay: {{id: no, state_dir: state, issuer: 测试, help: 服务台, language: en, timezone: Asia/Shanghai}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{PACK}]}}
drill: {{day: 15, hours: ['15:00-15:30'], remind: 24h}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61']}}
sites:
  - {{id: s1, name: 医院, area: '6101', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats:
  - {{id: room, type: file, audience: duty, path: {self.path('room.jsonl')}}}
  - {{id: sleepy, type: file, audience: duty, quiet: ['22:00-07:00'], path: {self.path('sleepy.jsonl')}}}
  - {{id: club, type: file, audience: volunteer, path: {self.path('club.jsonl')}}}
route: {{receiver: everyone, group_by: [rule, area6]}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
"""

    def said(self, chat="room"):
        return [m["chat"] for m in self.lines_of(chat)]

    def hears(self, n, *words, chat="room"):
        texts = self.until(f"message {n} of {chat}", lambda: len(self.said(chat)) >= n and self.said(chat))
        assert len(texts) == n and all(w in texts[-1] for w in words) and "{{" not in texts[-1], texts
        return texts[-1]

    def plan(self, month):
        return next((p for p in self.cli("drill", "plan") if p["month"].endswith(month)), None)


def lanes(r):
    """What is said to groups waits among what is said to groups: it counts for limits.http."""
    db = sqlite3.connect(f"file:{r.path('state/tocsin.db')}?mode=ro", uri=True)
    rows = db.execute("SELECT DISTINCT d.lane FROM delivery d JOIN target t ON t.id = d.target WHERE t.name LIKE 'file:%'").fetchall()
    db.close()
    assert rows == [(1,)], rows


def silences(r):
    add = ("silence", "add", "--by", "王队")
    narrow = r.cli(*add, "--reason", "核实{{中", "--matcher", 'rule="crash_test"', "--for", "9h")["silence"]
    assert r.said() == []
    r.pass_time(hours=3, minutes=50)
    assert r.said() == []
    r.pass_time(minutes=11)
    text = r.hears(1, "静默提醒", "王队", "核实", f"silence expire {narrow}")
    assert "范围很宽" not in text and r.said("club") == []
    r.hears(1, "静默提醒", chat="sleepy")
    # After a kill -9 too; and a group that sleeps hears of it in the morning.
    r.kill()
    r.start()
    broad = r.cli(*add, "--reason", "停电", "--matcher", 'level="red"', "--for", "8h")["silence"]
    r.pass_time(hours=1, minutes=1)
    r.hears(2, "范围很宽", f"第 {broad} 号")
    r.cli("silence", "expire", str(broad), "--by", "王队")
    r.pass_time(hours=3, minutes=10)
    r.hears(3, f"第 {narrow} 号")
    r.pass_time(hours=3)
    assert len(r.said()) == 3, "one that has run out is spoken of"
    assert [s["state"] for s in r.cli("silence", "list")] == ["ended", "expired"]
    assert r.cli("report", "--from", r.now.strftime("%Y-%m-%d"), "--to", r.now.strftime("%Y-%m-%d"))["alerts"] == []
    lanes(r)


def silence_over(r):
    """What a silence kept from screens and the hourly slot comes back with its end, by itself or by a person; groups are not told late."""
    def add(lasts, area="610113"):
        return r.cli("silence", "add", "--by", "王队", "--reason", "核实中", "--matcher", f'area6="{area}"', "--for", lasts)["silence"]

    def shown(alert):
        return sorted(r.shown(alert))

    everywhere = ["board:s1/w1", "bulletin:s1"]
    r.event(1, "610113", count=1)
    alert = r.alert_in("610113")
    r.hears(1)
    assert shown(alert) == everywhere
    add("2h")
    second = add("3h")
    assert shown(alert) == []
    r.event(2, "610102", count=1)
    other = r.alert_in("610102")
    r.hears(2)
    r.pass_time(hours=2, minutes=1)
    assert shown(alert) == [] and len(r.cli("alerts", "show", alert)["revisions"]) == 1, "the second is still on"
    r.kill()
    r.start()
    r.pass_time(hours=1)
    assert shown(alert) == everywhere
    story = r.cli("alerts", "show", alert)
    assert [v["note"] for v in story["revisions"]][1:] == [f"silence {second} is over"], story["revisions"]
    assert sorted(d["target"] for d in story["deliveries"] if d["rev"] == 2) == everywhere
    # One that came meanwhile, and a person who ends it: at once.
    third = add("9h", "610104")
    r.event(3, "610104", count=1)
    late = r.alert_in("610104")
    assert shown(late) == []
    r.cli("silence", "expire", str(third), "--by", "王队")
    assert shown(late) == everywhere
    assert len(r.cli("alerts", "show", other)["revisions"]) == 1, "another area's is left alone"
    # An end without anything in force, and one that nothing can be shown of any more.
    add("5h")
    r.cli("alerts", "cancel", alert, "--by", "王队")
    r.pass_time(hours=6)
    assert len(r.cli("alerts", "show", alert)["revisions"]) == 3, "a correction, and no more"
    assert ["更正" in t for t in r.said("club")] == [False, False, True], f"told late: {r.said('club')}"


def drills(r):
    assert r.plan("-03")["state"] == "planned"
    r.pass_time(days=13, hours=2)
    assert r.said() == []
    r.pass_time(hours=1, minutes=1)
    r.hears(1, "【演练】", "演练预告", "3月15日 15:00", "30 分钟")
    assert r.plan("-03")["state"] == "told" and r.said("club") == []
    # It is a person who begins; that drill is the month's.
    r.pass_time(hours=23, minutes=59)
    r.hears(2, "drill start --for 30m")
    done = r.cli("drill", "start", "--for", "30m", "--yes", "--by", "李科长")["drill"]
    r.pass_time(hours=1)
    plan = r.plan("-03")
    assert (plan["state"], plan["drill"], plan["next"]) == ("done", done, None), plan
    assert len(r.said()) == 2 and r.plan("-04")["state"] == "planned"
    # The next one nobody holds: said, once, after its hour; while the relay was down as well.
    r.clock(r.now.replace(month=4, day=14, hour=15, minute=5))
    r.pass_time()
    r.hears(3, "演练预告")
    r.kill()
    r.clock(r.now + timedelta(days=2))
    r.start()
    r.pass_time(minutes=1)
    r.hears(4, "没有进行")
    assert r.plan("-04")["state"] == "missed"
    r.pass_time(minutes=2)
    assert r.plan("-05")["state"] == "planned" and len(r.said()) == 4
    # One that was not announced yet is not the month's.
    r.cli("drill", "start", "--for", "5m", "--yes", "--by", "李科长")
    assert r.plan("-05")["state"] == "planned"
    assert "missed" in r.run("drill", "plan").stdout
    for wrong in ("hours: ['23:30-00:10']", "hours: []"):
        r.refused("hours: ['15:00-15:30']", wrong, "from when to when")
    lanes(r)


if __name__ == "__main__":
    main(Notices, silences, silence_over, drills)
