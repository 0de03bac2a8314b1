#!/usr/bin/env python3
"""People and what waits for them, through the real command line: candidates, approval by one and by two, reject, acknowledge,
dismiss, and a site's way from trial to live. Targets are files. usage: review.py --tocsin PROGRAM"""
import json
import os
import sqlite3
import sys
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Still, main  # noqa: E402
from rig import free_port, stamp  # noqa: E402


class Review(Still):
    def configuration(self):
        return f"""
relay: {{id: rv, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{PACK}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61', '62', '63', '64', '65', '66']}}
  - {{id: f2, type: carrier, source: file, mode: sandbox, path: {self.path('sandbox.jsonl')}, areas: ['62']}}
sites:
  - {{id: s1, name: 医院, area: '6101', mode: trial, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
  - {{id: s2, name: 二院, area: '65', mode: trial, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
  - {{id: s3, name: 三院, area: '65', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
  - {{id: s4, name: 四院, area: '66', mode: trial, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats:
  - {{id: club, type: file, audience: volunteer, quiet: [], path: {self.path('club.jsonl')}, areas: ['62', '63', '64']}}
  - {{id: night, type: file, audience: volunteer, quiet: ['00:00-23:59'], path: {self.path('night.jsonl')}, areas: ['6105']}}
  - {{id: room, type: file, audience: duty, quiet: [], path: {self.path('room.jsonl')}}}
route:
  receiver: everyone
  group_by: [rule, area6]
  routes:
    - {{matchers: ['area2="63"'], receiver: everyone, approve: one}}
    - {{matchers: ['area2="64"'], receiver: everyone, approve: two}}
    - {{matchers: ['area2="65"'], receiver: everyone, approve: one}}
    - {{matchers: ['area2="66"'], receiver: everyone, approve: two}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
"""


def review(r):
    # Trial: recorded and held, only the duty room hears of it, headed 【试运行】.
    r.event(1, "610113")
    alert = r.alert_in("610113")
    r.until("the duty room", lambda: r.states(alert)["file:room"][0] == "sent")
    for target in ("pa:s1/hall", "bulletin:s1", "board:s1/w1"):
        assert r.states(alert)[target] == ("held", "trial"), r.states(alert)
    assert "【试运行】" in open(r.path("room.jsonl")).read()
    # Screens, by a named person: the board shows what is in force; the loudspeaker stays silent.
    r.cli("site", "mode", "s1", "screens", fails=True)
    r.cli("site", "mode", "s1", "screens", "--by", "李科长")
    assert r.until("the board", lambda: r.states(alert)["board:s1/w1"][0] != "held")
    assert r.states(alert)["pa:s1/hall"] == ("held", "trial")
    assert r.cli("site", "list")[0]["mode"] == "screens"

    # One person's approval.
    r.event(2, "630101")
    alert = r.alert_in("630101")
    assert r.states(alert)["file:club"] == ("held", "approval")
    r.cli("alerts", "approve", alert, "--by", "王队")
    r.until("the club", lambda: r.states(alert)["file:club"][0] == "sent")
    assert "approve" in json.dumps(r.cli("alerts", "show", alert)["actions"])

    # Two different persons.
    r.event(3, "640101")
    alert = r.alert_in("640101")
    assert r.states(alert)["file:club"] == ("held", "approval two")
    assert r.cli("alerts", "approve", alert, "--by", "王队")["waiting"] is True
    assert "王队" in r.cli("alerts", "approve", alert, "--by", "王队", fails=True)
    assert r.states(alert)["file:club"][0] == "held"
    r.cli("alerts", "approve", alert, "--by", "张队")
    r.until("the club", lambda: r.states(alert)["file:club"][0] == "sent")

    # Rejected is the end of it.
    r.event(4, "630201")
    alert = r.alert_in("630201")
    r.cli("alerts", "reject", alert, "--by", "王队", "--reason", "误报")
    assert r.states(alert)["file:club"][0] == "rejected"
    r.cli("alerts", "approve", alert, "--by", "王队", fails=True)

    # A ward's report waits for a person: confirmed it is Observed, dismissed it is gone.
    r.event(5, "620101", kind="report", count=1)
    r.event(6, "620102", kind="report", count=1)
    review = r.until("the review list", lambda: (lambda r: r if len(r) == 2 else None)(r.cli("alerts", "list", "--review")))
    by_id = {r["event_id"]: str(r["event"]) for r in review}
    assert r.cli("alerts", "confirm", by_id["e5"], "--by", "王队")["alert"]
    alert = r.alert_in("620101")
    assert r.cli("alerts", "show", alert)["certainty"] == "Observed"
    r.until("the club", lambda: r.states(alert)["file:club"][0] == "sent")
    r.cli("alerts", "dismiss", by_id["e6"], "--by", "王队")
    r.cli("alerts", "dismiss", by_id["e6"], "--by", "王队", fails=True)
    assert r.cli("alerts", "list", "--review") == []

    r.cli("alerts", "ack", alert, "--by", "值班员")
    assert "值班员" in r.cli("alerts", "ack", alert, "--by", "别人", fails=True)


def going_live(r):
    """What a site's trial held back is shown when the site goes on: but what its route asks people for waits for them."""
    alerts = []
    for number, area in enumerate(("650101", "650102", "650103", "660101"), 1):
        r.event(number, area)
        alerts.append(r.alert_in(area))
    asked, allowed, refused, two = alerts
    for alert in (asked, allowed, refused):
        for target in ("board:s2/w1", "bulletin:s2"):
            assert r.states(alert)[target] == ("held", "trial, then approval"), r.states(alert)
        assert r.states(alert)["board:s3/w1"] == ("held", "approval") and r.states(alert)["pa:s2/hall"] == ("held", "trial")
    r.cli("alerts", "approve", allowed, "--by", "王队")
    r.cli("alerts", "reject", refused, "--by", "王队")
    assert r.states(allowed)["board:s2/w1"] == ("held", "trial, then approval"), "an approval does not end the trial"
    for site in ("s2", "s4"):
        r.cli("site", "mode", site, "live", "--by", "李科长")
    r.pass_time(seconds=1)
    for target in ("board:s2/w1", "bulletin:s2"):
        assert r.states(allowed)[target][0] != "held", r.states(allowed)
        assert r.states(refused)[target] == ("rejected", "rejected by 王队"), r.states(refused)
        assert r.states(asked)[target] == ("held", "approval"), r.states(asked)
    assert r.states(two)["board:s4/w1"] == r.states(two)["bulletin:s4"] == ("held", "approval two"), r.states(two)
    r.cli("alerts", "approve", asked, "--by", "王队")
    assert r.states(asked)["board:s2/w1"][0] != "held" and r.states(asked)["pa:s2/hall"] == ("held", "trial")
    r.cli("alerts", "approve", two, "--by", "王队")
    assert r.states(two)["board:s4/w1"] == ("held", "approval two")
    # Nobody else answers: it ends where every approval does.
    r.pass_time(minutes=11)
    r.until("the screens", lambda: r.states(two)["board:s4/w1"][0] != "held")


def not_to_be_said(r):
    """What its feed does not let out, and what a feed in sandbox says, is not let out by a person's word either."""
    r.event(1, "620101", handling={"tlp": "RED"})
    r.event(2, "620102", handling={"may_broadcast": False})
    r.event(3, "620103", into="sandbox.jsonl")
    r.event(4, "620104", kind="report", count=1)
    day = timedelta(days=1)
    r.event(5, "620105", kind="report", count=1, observed_at=stamp(r.moment() - 4 * day))  # longer ago than the rule's warnings last
    r.event(6, "620106", kind="report", count=1, expires_at=stamp(r.moment() - day))
    r.event(7, "620107", kind="report", count=1, expires_at=stamp(r.moment() + day / 24))

    def events():
        db = sqlite3.connect(f"file:{r.path('state/tocsin.db')}?mode=ro", uri=True)
        rows = dict(db.execute("SELECT event_id, id FROM event").fetchall())
        db.close()
        return rows if len(rows) == 7 else None
    rows = r.until("the events", events)
    for event in ("e1", "e2"):
        assert "not to be broadcast" in r.cli("alerts", "confirm", str(rows[event]), "--by", "王队", fails=True)
    assert "sandbox" in r.cli("alerts", "confirm", str(rows["e3"]), "--by", "王队", fails=True)
    for event in ("e5", "e6"):
        for verb in ("confirm", "dismiss"):
            assert "over already" in r.cli("alerts", verb, str(rows[event]), "--by", "王队", fails=True)
    assert {w["event_id"] for w in r.cli("alerts", "list", "--review")} == {"e4", "e7"}
    assert r.cli("alerts", "list") == [] and r.lines_of("club") == []
    r.cli("alerts", "confirm", str(rows["e4"]), "--by", "王队")
    # One that its feed gives an hour has an hour, whoever confirms it.
    r.cli("alerts", "confirm", str(rows["e7"]), "--by", "王队")
    alert = r.cli("alerts", "show", r.alert_in("620107"))
    assert datetime.fromisoformat(alert["expires"]) < r.moment() + day / 24, alert
    r.event(8, "620108", kind="report", count=1, expires_at=stamp(r.moment() + day / 24))
    row = r.until("the last one", lambda: r.cli("alerts", "list", "--review"))[0]["event"]
    r.pass_time(hours=2)
    assert "it is over" in r.cli("alerts", "confirm", str(row), "--by", "王队", fails=True)


def unsure(r):
    """An event that a rule could not be sure of is a person's to confirm; but a group has one alert, whoever says so."""
    os.makedirs(r.path("pack"))
    with open(os.path.join(PACK, "rules.yaml"), encoding="utf-8") as f:
        rule = f.read()
    words = rule[rule.index("    words:"):rule.index("  threshold:")]
    r.write("pack/rules.yaml", rule.replace(words, "    any: ['(?:a+)+!$', '安全账户.{0,20}转账|转账.{0,20}安全账户']\n").replace(
        "status: stable", "status: test"))  # a stable one is not let in with it
    r.configure((f"packs: [{PACK}]", "packs: [pack]"))
    hard = "b " + "a" * 60 + "!x"
    r.event(1, "620101", text=hard)
    r.event(2, "620102", text=hard)
    rows = {w["event_id"]: str(w["event"]) for w in r.until("both", lambda: (lambda w: len(w) == 2 and w)(r.cli("alerts", "list", "--review")))}
    r.event(3, "620102")
    alert = r.alert_in("620102")
    assert "confirm that one" in r.cli("alerts", "confirm", rows["e2"], "--by", "王队", fails=True)
    assert len(r.cli("alerts", "list")) == 1
    r.cli("alerts", "confirm", alert, "--by", "王队")
    confirmed = r.cli("alerts", "confirm", rows["e1"], "--by", "王队")["alert"]
    assert confirmed == r.alert_in("620101") and r.cli("alerts", "show", confirmed)["feeds"] == "f1"


def groups_in_trial(r):
    """What waits for a group ends when the last site of its alert goes back: in a trial only those on duty hear of it."""
    r.configure(("areas: ['6105']", "areas: ['6101']"))
    r.cli("site", "mode", "s1", "live", "--by", "李科长")
    r.event(1, "610113")
    alert = r.alert_in("610113")
    assert r.states(alert)["file:night"] == ("held", "quiet_hours")
    r.cli("site", "mode", "s1", "screens", "--by", "李科长")
    for mode in ("screens", "live"):
        assert r.states(alert)["file:night"] == ("suppressed", "trial: the site went back"), r.states(alert)
        assert r.states(alert)["file:room"][0] == "sent"
        r.cli("site", "mode", "s1", mode, "--by", "李科长")
    # The same by the file, where another site was live for it.
    for site in ("二院", "三院"):
        r.configure((f"name: {site}, area: '65'", f"name: {site}, area: '6104'"))
    r.configure(("areas: ['6101']", "areas: ['6104']"))
    r.event(2, "610411")
    alert = r.alert_in("610411")
    assert r.states(alert)["file:night"] == ("held", "quiet_hours")
    r.configure(("name: 三院, area: '6104', mode: live", "name: 三院, area: '6104', mode: trial"))
    assert r.states(alert)["file:night"][0] == "suppressed", r.states(alert)


def replays(r):
    """A person says one thing again; what holds for everybody holds then too, and the answer says what it is."""
    def row(alert, target):
        return next(d["id"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == target)

    def refused(alert, target, words):
        before = r.states(alert)[target]
        answer = r.cli("deliveries", "replay", row(alert, target), "--by", "王队", fails=True)
        assert words in answer and r.states(alert)[target] == before, (answer, before, r.states(alert)[target])

    def works(alert, target):
        r.cli("deliveries", "replay", row(alert, target), "--by", "王队")
        assert r.states(alert)[target][0] not in ("suppressed", "held"), r.states(alert)

    # The mode of its site.
    r.cli("site", "mode", "s1", "live", "--by", "李科长")
    r.event(1, "610113")
    alert = r.alert_in("610113")
    r.cli("site", "mode", "s1", "screens", "--by", "李科长")
    for target in ("pa:s1/hall", "bulletin:s1"):
        assert r.states(alert)[target] == ("suppressed", "trial: the site went back"), r.states(alert)
        refused(alert, target, "tocsin site mode")
    assert set(r.shown(alert)) == {"board:s1/w1"}
    r.cli("site", "mode", "s1", "live", "--by", "李科长")
    assert set(r.shown(alert)) == {"board:s1/w1", "bulletin:s1"}
    works(alert, "pa:s1/hall")
    # A limit of its site, where it was the limit that kept it unsaid.
    r.event(2, "610102")
    second = r.alert_in("610102")
    r.cli("alerts", "cancel", second, "--by", "王队")
    r.event(3, "610102")
    third = next(a["id"] for a in r.cli("alerts", "list") if a["areas"] == "610102" and not a["ended"])
    assert "announce_again" in r.states(third)["pa:s1/hall"][1], r.states(third)
    refused(third, "pa:s1/hall", "announce_again")
    # A silence.
    r.cli("silence", "add", "--matcher", 'area6="610104"', "--for", "2h", "--by", "王队", "--reason", "试")
    r.event(4, "610104")
    silent = r.alert_in("610104")
    for target in ("file:room", "board:s1/w1"):
        refused(silent, target, "silence 1")
    r.cli("silence", "expire", "1", "--by", "王队")
    assert set(r.shown(silent)) == {"board:s1/w1", "bulletin:s1"}, "what is in force is shown again"
    works(silent, "file:room")
    # Quiet hours.
    r.cli("silence", "add", "--matcher", 'area6="610501"', "--for", "2h", "--by", "王队", "--reason", "试")
    r.event(5, "610501")
    night = r.alert_in("610501")
    r.cli("silence", "expire", "2", "--by", "王队")
    refused(night, "file:night", "quiet hours until")
    # Approval that nobody gave.
    r.event(6, "650101")
    asked = r.alert_in("650101")
    r.pass_time(minutes=11)
    r.until("the end of the time", lambda: r.states(asked)["pa:s3/hall"][0] == "suppressed")
    refused(asked, "pa:s3/hall", "approved")
    r.cli("alerts", "approve", asked, "--by", "王队")
    works(asked, "pa:s3/hall")
    # A drill that has fallen silent.
    r.cli("drill", "start", "--for", "1h", "--by", "王队", "--yes")
    r.event(7, "610101", status="Exercise")
    exercise = r.alert_in("610101")
    r.event(8, "610109")
    r.alert_in("610109")
    refused(exercise, "bulletin:s1", "real alert")
    # Where it goes by the file of today.
    r.configure(("areas: ['6105']", "areas: ['6106']"))
    refused(night, "file:night", "other areas")
    r.configure(("pa: [announce, bulletin], displays: all, chats: all", "pa: [announce, bulletin], chats: all"))
    r.cli("silence", "add", "--matcher", 'area6="610104"', "--for", "2h", "--by", "王队", "--reason", "试")
    r.cli("silence", "expire", "3", "--by", "王队")
    assert r.states(silent)["board:s1/w1"] == ("suppressed", "silence 3")
    refused(silent, "board:s1/w1", "no route")


def counted(r):
    """What the console says of each target: how the deliveries of the last day's alerts stand."""
    def targets():
        return {t["id"]: t for t in json.loads(r.view("/v1/overview"))["targets"]}

    def of(target):
        return {k: v for k, v in targets()[target].items() if v and k not in ("id", "last")}
    assert targets() == {}
    r.event(1, "610113")
    alert = r.alert_in("610113")
    r.until("the duty room", lambda: r.states(alert)["file:room"][0] == "sent")
    assert set(targets()) == set(r.states(alert)), targets()
    assert of("file:room") == {"deliveries": 1, "sent": 1} and targets()["file:room"]["last"] and not targets()["board:s1/w1"]["last"]
    assert of("board:s1/w1") == of("pa:s1/hall") == {"deliveries": 1, "held": 1}
    r.cli("site", "mode", "s1", "screens", "--by", "李科长")
    r.event(2, "610104")
    second = r.alert_in("610104")
    r.until("the duty room", lambda: r.states(second)["file:room"][0] == "sent")
    assert of("file:room") == {"deliveries": 2, "sent": 2} and of("pa:s1/hall") == {"deliveries": 2, "held": 2}
    assert of("board:s1/w1") == {"deliveries": 2, "waiting": 2}, of("board:s1/w1")
    r.cli("alerts", "cancel", second, "--by", "王队")
    assert of("board:s1/w1") == {"deliveries": 2, "waiting": 1, "spared": 1}, of("board:s1/w1")
    # Lists of them are asked for by alert, by target, by state, or all together.
    every = r.cli("deliveries", "list")
    for asked in ({"alert": alert}, {"target": "board:s1/w1"}, {"state": "held"}, {"alert": alert, "target": "file:room"},
                  {"target": "board:s1/w1", "state": "suppressed"}, {"alert": "rv-1", "target": "file:nobody"}):
        named = r.cli("deliveries", "list", *(word for k, v in asked.items() for word in (f"--{k}", v)))
        assert named == [d for d in every if asked.items() <= d.items()], (asked, named)
    r.pass_time(hours=25)
    assert targets() == {}, targets()


if __name__ == "__main__":
    main(Review, review, going_live, not_to_be_said, unsure, groups_in_trial, replays, counted)
