#!/usr/bin/env python3
"""Taking a word back: the correction reaches exactly those who had the alert, once, and nothing of the alert comes after it;
from the police room, from the hospital, from one feed of two. What waits for approval over a reload. What a person may and may not send again.
usage: corrections.py --tocsin PROGRAM [PART…]"""
import http.server
import json
import os
import signal
import sqlite3
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Still, main  # noqa: E402
from rig import free_port, json_lines, stamp  # noqa: E402


class Room:
    """A group whose answers the test gives: each is held until it is let go."""

    def __init__(self):
        room = self
        self.texts, self.answers, self.go = [], [], threading.Event()
        self.go.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = room.answers.pop(0) if room.answers else 0
                room.go.wait(10)
                if answer == 0:
                    room.texts.append(body[body["msgtype"]]["content"])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"errcode": answer, "errmsg": ""}).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Corrections(Still):
    def configuration(self):
        self.room = Room()
        os.makedirs(self.path("pack"))
        rules = self.read(os.path.join(PACK, "rules.yaml"))
        self.write("pack/rules.yaml", rules.replace("threshold: {count: 1,", "threshold: {count: 2,").replace("lines: [别转账]", "lines: ['{{area}} 别转账']"))
        return f"""
relay: {{id: co, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [pack]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61', '62', '63']}}
  - {{id: f2, type: carrier, source: file, path: {self.path('second.jsonl')}, areas: ['61']}}
sites:
  - {{id: s1, name: 医院, area: '6101', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
  - {{id: s2, name: 二院, area: '6201', mode: live}}
chats:
  - {{id: club, type: file, audience: volunteer, path: {self.path('club.jsonl')}, areas: ['61', '63'], quiet: []}}
  - {{id: night, type: file, audience: volunteer, path: {self.path('night.jsonl')}, areas: ['63'], quiet: ['00:00-23:59']}}
  - {{id: watch, type: file, audience: duty, path: {self.path('watch.jsonl')}}}
  - {{id: group, type: wecom, audience: duty, areas: ['62'], allow_insecure: true,
     url: 'http://127.0.0.1:{self.room.server.server_port}/cgi-bin/webhook/send?key=k'}}
route:
  receiver: everyone
  group_by: [rule, area6]
  repeat_interval: 1h
  routes:
    - {{matchers: ['area4="6302"'], approve: two}}
    - {{matchers: ['area2="63"'], approve: one}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
"""

    def receipts(self, file="in.jsonl"):
        """What a feed was told, by event."""
        return {r["event_id"]: r for receipt in json_lines(self.path(f"{file}.receipts")) for r in receipt["results"]}

    def texts(self, chat, alert):
        return [m["msgType"] for m in self.lines_of(chat) if m["alert"] == alert]


def taking_back(r):
    # Two revisions were said; the first was replaced while it still had reminders to come. Each who had one gets one correction.
    r.event(1, "610113", count=2)
    alert = r.alert_in("610113")
    r.until("the duty group", lambda: r.texts("watch", alert) == ["Alert"])
    r.event(2, "610113", count=20)
    r.until("the higher certainty", lambda: r.texts("watch", alert) == ["Alert", "Update"])
    rows = {(d["target"], d["rev"]): d for d in r.cli("deliveries", "list", "--alert", alert)}
    assert rows["file:watch", 1]["state"] == "sent", "what was said stays said when a newer revision comes"
    for target in ("file:watch", "board:s1/w1"):  # a group's picture says the same as a screen
        texts = r.cli("deliveries", "show", rows[target, 2]["id"])["texts"]
        assert texts["lines"] == ["雁塔区 别转账"], f"{target}: {texts}"
    assert "other areas" in r.cli("alerts", "cancel", alert, "--by", "李科长", "--site", "s2", fails=True)
    assert "s9" in r.cli("alerts", "cancel", alert, "--by", "李科长", "--site", "s9", fails=True)
    r.cli("alerts", "cancel", alert, "--by", "李科长", "--site", "s1", "--reason", "是我院通知")
    r.until("the corrections", lambda: all(r.texts(c, alert) == ["Alert", "Update", "Cancel"] for c in ("watch", "club")))
    story = r.cli("alerts", "show", alert)
    assert story["end_note"] == "cancelled by 李科长 of s1" and story["actions"][-1]["detail"] == "s1"
    assert {d["target"] for d in story["deliveries"] if d["rev"] == 3} == {"file:watch", "file:club"}, "only who had it"
    # Nothing of it is said again.
    assert "ended" in r.cli("deliveries", "replay", rows["file:watch", 2]["id"], "--by", "王队", fails=True)

    # Under way when it is cancelled, and refused by the channel for now: it is not tried again after the correction.
    r.room.answers, go = [-1], r.room.go
    go.clear()
    r.event(3, "620101", count=2)
    alert = r.alert_in("620101")
    r.until("the attempt", lambda: r.states(alert)["wecom:group"][0] == "sending" and not r.room.answers)
    r.cli("alerts", "cancel", alert, "--by", "王队")
    go.set()
    r.until("the correction", lambda: len(r.room.texts) == 1)
    first = next(d["id"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "wecom:group" and d["rev"] == 1)
    r.until("the refusal", lambda: r.cli("deliveries", "show", first)["state"] != "sending")
    r.pass_time(minutes=5)  # longer than any wait between two attempts
    assert r.cli("deliveries", "show", first)["state"] == "cancelled"
    assert "更正" in r.room.texts[0] and len(r.room.texts) == 1, r.room.texts


def feeds(r):
    """A feed's cancel of what has not become an alert: it leaves the list, and does not count any more."""
    def cancel(number, *ids):
        r.event(number, "610113", msg_kind="cancel", references=[f"e{i}" for i in ids])

    r.event(1, "610113", count=1)
    r.until("the candidate", lambda: len(r.cli("alerts", "list", "--review")) == 1)
    cancel(2, 1)
    r.until("an empty list", lambda: r.cli("alerts", "list", "--review") == [])
    r.event(3, "610113", count=1)
    r.until("a new candidate", lambda: len(r.cli("alerts", "list", "--review")) == 1)
    assert r.cli("alerts", "list") == [], "one that was taken back was counted"
    r.event(4, "610113", count=1)
    alert = r.alert_in("610113")
    r.until("the club", lambda: r.texts("club", alert) == ["Alert"])
    assert r.cli("alerts", "show", alert)["count"] == 2
    # It stands while one event does, also below its threshold of two, and whichever feed sent it; a second word on the same
    # event says nothing new.
    r.event(5, "610113", count=7)
    r.until("the higher count", lambda: r.cli("alerts", "show", alert)["count"] == 9)
    cancel(6, 5)
    cancel(7, 5)
    cancel(8, 3)
    r.until("the lower count", lambda: r.cli("alerts", "show", alert)["count"] == 1)
    story = r.cli("alerts", "show", alert)
    assert not story["ended"] and r.texts("club", alert) == ["Alert"], story
    assert [e.get("note") for e in story["events"]] == ["withdrawn", None, "withdrawn"], story["events"]
    # What was taken back does not raise the certainty later: eight are short of five times two.
    r.event(9, "610113", count=7)
    r.until("the higher count", lambda: r.cli("alerts", "show", alert)["count"] == 8)
    assert r.cli("alerts", "show", alert)["certainty"] == "Possible"
    cancel(10, 4, 9)
    r.until("the correction", lambda: r.texts("club", alert) == ["Alert", "Cancel"])
    assert r.cli("alerts", "show", alert)["end_note"] == "withdrawn by its feed"


def two_feeds(r):
    """A bank and a carrier see the same scam: one alert, one message, and it stands while one of them stands by it."""
    second = {"area": "610113", "into": "second.jsonl", "count": 1}
    r.event(1, "610113", count=1)
    r.until("the candidate", lambda: len(r.cli("alerts", "list", "--review")) == 1)
    r.event(2, **second)
    alert = r.alert_in("610113")
    r.until("the club", lambda: r.texts("club", alert) == ["Alert"])
    story = r.cli("alerts", "show", alert)
    assert (story["certainty"], story["count"], set(story["feeds"].split())) == ("Likely", 2, {"f1", "f2"}), story
    assert [(e["feed"], e["event_id"]) for e in story["events"]] == [("f1", "e1"), ("f2", "e2")], story["events"]
    assert story["revisions"][0]["note"] == "second feed" and story["revisions"][0]["rev"] == 1, story["revisions"]
    assert r.receipts("second.jsonl")["e2"]["alerts"] == [alert] and "alerts" not in r.receipts()["e1"], "what the feeds were told"
    r.event(3, "610113", count=1)
    r.event(4, **second)
    r.until("the higher count", lambda: r.cli("alerts", "show", alert)["count"] == 4)
    # Neither takes back what the other has said.
    r.event(5, "610113", "second.jsonl", msg_kind="cancel", references=["e1"])
    assert r.until("a refusal", lambda: r.receipts("second.jsonl").get("e5"))["code"] == "unknown_reference"
    r.event(6, "610113", msg_kind="cancel", references=["e1", "e3"])
    r.until("the lower count", lambda: r.cli("alerts", "show", alert)["count"] == 2)
    assert r.texts("club", alert) == ["Alert"] and not r.cli("alerts", "show", alert)["ended"], "only one feed took it back"
    r.event(7, "610113", "second.jsonl", msg_kind="cancel", references=["e2", "e4"])
    r.until("the correction", lambda: r.texts("club", alert) == ["Alert", "Cancel"])


def dismissed(r):
    """What a person has dismissed does not count towards the next alert; and what comes after it does."""
    r.event(1, "610113", count=1)
    row, = r.until("the candidate", lambda: r.cli("alerts", "list", "--review"))
    r.cli("alerts", "dismiss", str(row["event"]), "--by", "王队")
    assert r.cli("alerts", "list", "--review") == []
    r.event(2, "610113", count=1)
    r.until("a new candidate", lambda: r.cli("alerts", "list", "--review") + r.cli("alerts", "list"))
    assert r.cli("alerts", "list") == [], "one that was dismissed was counted"
    r.event(9, "610113", msg_kind="cancel", references=["e1"])  # nor does its feed's word take anything off what came later
    r.event(3, "610113", count=1)
    alert = r.alert_in("610113")
    story = r.cli("alerts", "show", alert)
    assert story["count"] == 2 and [e["event_id"] for e in story["events"]] == ["e2", "e3"], story


def old_candidates(r):
    """What was seen too long ago to count leaves the review list with a new alert, and does not keep it going."""
    r.event(1, "610113", count=1)
    r.until("the candidate", lambda: len(r.cli("alerts", "list", "--review")) == 1)
    r.pass_time(hours=3)
    r.event(2, "610113", count=1)
    r.event(3, "610113", count=1)
    alert = r.alert_in("610113")
    assert r.cli("alerts", "list", "--review") == []
    story = r.cli("alerts", "show", alert)
    assert story["count"] == 2 and [e.get("note") for e in story["events"]] == ["candidate", None, None], story
    r.event(4, "610113", msg_kind="cancel", references=["e1", "e2"])
    r.until("the lower count", lambda: r.cli("alerts", "show", alert)["count"] == 1)
    r.event(5, "610113", msg_kind="cancel", references=["e3"])
    r.until("the end", lambda: r.cli("alerts", "show", alert)["end_note"] == "withdrawn by its feed")


def reloads(r):
    """What waits for a second person outlives a reload: who was first, what will be said, and that it is asked for at all."""
    r.event(1, "630201", count=2)
    alert = r.alert_in("630201")
    assert r.states(alert)["file:club"] == ("held", "approval two")
    assert r.cli("alerts", "approve", alert, "--by", "王队")["waiting"] is True
    r.write("pack/rules.yaml", r.read("pack/rules.yaml").replace("有人让您转账", "改过的话").replace("rev: 1", "rev: 2"))
    r.write("tocsin.yaml", r.read("tocsin.yaml").replace("approve: two", "approve: none"))
    r.process.send_signal(signal.SIGHUP)
    r.until("the reload", lambda: "reloaded" in r.read("log"))
    assert r.states(alert)["file:club"] == ("held", "approval two"), r.states(alert)
    assert "王队" in r.cli("alerts", "approve", alert, "--by", "王队", fails=True), "the first one's word was forgotten"
    assert r.texts("club", alert) == []
    assert r.cli("alerts", "approve", alert, "--by", "张队")["waiting"] is False
    r.until("the club", lambda: r.texts("club", alert) == ["Alert"])
    said = r.lines_of("club")[0]["chat"]
    assert "有人让您转账" in said and "改过的话" not in said, f"a reload changed a committed text: {said}"
    # What comes after it is as it says now.
    r.event(2, "630202", count=2)
    later = r.alert_in("630202")
    r.until("the club", lambda: r.texts("club", later) == ["Alert"])
    assert "改过的话" in r.lines_of("club")[1]["chat"]


def decisions(r):
    """Approval does not reach into quiet hours, and a replay does not stand for an approval."""
    r.event(1, "630101", count=2)
    alert = r.alert_in("630101")
    rows = {d["target"]: d["id"] for d in r.cli("deliveries", "list", "--alert", alert)}
    assert r.states(alert)["file:club"] == ("held", "approval")
    assert "decision" in r.cli("deliveries", "replay", rows["file:club"], "--by", "王队", fails=True)
    r.cli("alerts", "approve", alert, "--by", "王队")
    r.until("the club", lambda: r.texts("club", alert) == ["Alert"])
    assert r.states(alert)["file:night"] == ("held", "quiet_hours"), r.states(alert)
    r.event(2, "630102", count=2)
    other = r.alert_in("630102")
    r.cli("alerts", "reject", other, "--by", "王队")
    rows = {d["target"]: d["id"] for d in r.cli("deliveries", "list", "--alert", other)}
    assert "decision" in r.cli("deliveries", "replay", rows["file:club"], "--by", "张队", fails=True)
    # What was said may be said again, and by which name it was called is in the story.
    short = next(d["short"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "file:club")
    r.cli("deliveries", "replay", short, "--by", "张队", "--reason", "群里没看到")
    r.until("again", lambda: r.texts("club", alert) == ["Alert", "Alert"])
    said = r.cli("alerts", "show", alert)["actions"][-1]
    assert (said["verb"], said["by"], said["object"]) == ("delivery.replay", "张队", f"{alert}.1/file:club"), said


def under_way(r):
    """What is at its channel already is not sent a second time beside it; when it has been said, it may be said again."""
    r.room.go.clear()
    r.event(1, "620101", count=2)
    alert = r.alert_in("620101")
    r.until("the attempt", lambda: r.states(alert)["wecom:group"][0] == "sending")
    row = next(d["id"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "wecom:group")
    assert "being sent" in r.cli("deliveries", "replay", row, "--by", "王队", fails=True)
    r.room.go.set()
    r.until("the answer", lambda: r.states(alert)["wecom:group"][0] == "sent")
    r.pass_time(minutes=2)
    assert len(r.room.texts) == 1, r.room.texts
    r.cli("deliveries", "replay", row, "--by", "王队")
    r.until("it again", lambda: len(r.room.texts) == 2)


def sent_again(r):
    """A feed sends its cancel again when what it names has been forgotten: it has been heard, and is not told that it is wrong."""
    r.event(1, "610113", count=1)
    r.until("the event", lambda: r.receipts().get("e1"))
    sent = stamp(r.moment())
    r.event(2, "610113", msg_kind="cancel", references=["e1"], sent_at=sent)
    r.until("the cancel", lambda: r.receipts().get("e2", {}).get("status") == "accepted")
    db = sqlite3.connect(r.path("state/tocsin.db"), timeout=10)
    with db:
        db.execute("DELETE FROM event_key WHERE event_id = 'e1'")  # as after relay.keep_keys
    db.close()
    r.event(2, "610113", msg_kind="cancel", references=["e1"], sent_at=sent)
    assert r.until("its receipt", lambda: (lambda s: s != "accepted" and s)(r.receipts()["e2"]["status"])) == "duplicate", r.receipts()
    r.event(3, "610113", msg_kind="cancel", references=["e1"])
    assert r.until("a refusal", lambda: r.receipts().get("e3"))["code"] == "unknown_reference"


if __name__ == "__main__":
    main(Corrections, taking_back, feeds, two_feeds, dismissed, old_candidates, reloads, decisions, under_way, sent_again)
