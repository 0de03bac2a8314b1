#!/usr/bin/env python3
"""What people lay over the alerts, through the real command line: silences, drills, reports, what is
held for them and what they pass on by hand. Targets are files.
usage: people.py --tocsin PROGRAM [PART…]"""
import base64
import csv
import http.server
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import ENGLISH, PACK, Still, main  # noqa: E402
from rig import FRAUD, free_port, stamp  # noqa: E402


def room_that_takes_all(posted):
    class Room(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"errcode":0,"errmsg":"ok"}')

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Room)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


class People(Still):
    """A site with one hall and one ward, chats that are files, a group whose messages people pass on by hand."""

    def configuration(self):
        self.posted = []
        return f"""
relay: {{id: pp, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{PACK}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61', '62', '63']}}
sites:
  - {{id: s1, name: 医院, area: '6101', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats:
  - {{id: club, type: file, audience: volunteer, quiet: [], path: {self.path('club.jsonl')}}}
  - {{id: room, type: file, audience: duty, quiet: [], drills: true, path: {self.path('room.jsonl')}}}
  - {{id: group, type: forward, audience: volunteer, quiet: [], areas: ['62', '63'], groups: [三桥群],
     url: 'http://127.0.0.1:{room_that_takes_all(self.posted)}/send', allow_insecure: true}}
route:
  receiver: everyone
  group_by: [rule, area6]
  routes:
    - {{matchers: ['area2="63"'], receiver: everyone, approve: two}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
"""


def silences(r):
    # What is refused: no matcher, no name, no reason, no end or one too far away, a label that does not exist.
    add = ("silence", "add", "--by", "王队", "--reason", "核实中")
    assert "--matcher" in r.cli(*add, "--for", "2h", fails=True)
    assert "--for" in r.cli(*add, "--matcher", 'level="red"', fails=True)
    assert "30d" in r.cli(*add, "--matcher", 'level="red"', "--for", "31d", fails=True)
    assert "--by" in r.cli("silence", "add", "--matcher", 'level="red"', "--for", "2h", fails=True)
    assert "--reason" in r.cli("silence", "add", "--matcher", 'level="red"', "--for", "2h", "--by", "王队", fails=True)
    r.cli(*add, "--matcher", 'colour="red"', "--for", "2h", fails=True)

    # An alert that is in force already is taken off what waits and off the screens; one elsewhere is not.
    r.event(1, "610113")
    r.event(2, "610114")
    first, other = r.alert_in("610113"), r.alert_in("610114")
    r.until("the club", lambda: r.states(first)["file:club"][0] == "sent")
    done = r.cli(*add, "--matcher", 'level="red"', "--matcher", 'area6=~"610113|620101"', "--for", "2h")
    number = done["silence"]
    assert done["broad"] is False
    why = ("suppressed", f"silence {number}")
    assert r.states(first)["pa:s1/hall"] == why, r.states(first)
    assert r.states(first)["bulletin:s1"] == why and r.states(first)["board:s1/w1"] == why, r.states(first)
    assert r.states(first)["file:club"][0] == "sent"
    assert r.states(other)["board:s1/w1"][0] != "suppressed", r.states(other)

    # A new alert with these labels reaches nobody; one without them does.
    r.event(3, "620101")
    r.event(4, "620102")
    silent, loud = r.alert_in("620101"), r.alert_in("620102")
    r.until("the club", lambda: r.states(loud)["file:club"][0] == "sent")
    assert set(r.states(silent).values()) == {why}, r.states(silent)
    assert silent not in open(r.path("club.jsonl")).read()

    # A correction passes, to those who had the alert.
    r.cli("alerts", "cancel", first, "--by", "王队")
    r.until("the correction", lambda: "【更正】" in open(r.path("club.jsonl")).read())

    # It is seen: in the list, in the status, as an action; and it outlives a restart.
    listed = r.cli("silence", "list", "--active")
    assert [(s["id"], s["by"], s["reason"], s["state"]) for s in listed] == [(number, "王队", "核实中", "active")], listed
    assert r.cli("silence", "list") == listed
    status = r.run("status")
    assert "王队" in status.stdout and "610113|620101" in status.stdout, status.stdout
    r.stop()
    offline = r.run("silence", "list", "--active", "--json")
    assert json.loads(offline.stdout) == listed, offline.stderr
    r.start()
    assert r.cli("silence", "list", "--active") == listed
    r.event(5, "620101")  # a count for the silent alert
    r.event(6, "620103")
    r.alert_in("620103")
    assert set(r.states(silent).values()) == {why}

    # Ended by a person, once; what comes then goes out.
    r.cli("silence", "expire", str(number), fails=True)
    r.cli("silence", "expire", str(number), "--by", "李队")
    assert "silence list" in r.cli("silence", "expire", str(number), "--by", "李队", fails=True)
    assert r.cli("silence", "list", "--active") == []
    assert r.cli("silence", "list")[0]["ended_by"] == "李队"
    r.cli("alerts", "confirm", silent, "--by", "李队")
    r.until("the club", lambda: r.states(silent)["file:club"][0] == "sent")

    # Broad: said so.
    broad = r.run(*add, "--matcher", 'level="red"', "--for", "1m")
    assert broad.returncode == 0 and "broad" in broad.stderr, broad
    r.cli("silence", "expire", str(number + 1), "--by", "李队")


def silence_in_slices(r):
    """More alerts than a silence is laid over, or lifted from, in one turn: a crash between two slices, and what it has not come to
    yet goes nowhere either."""
    alerts = 170

    def shown():
        return [rev for _, rev in r.rows("SELECT s.alert, d.rev FROM showing s JOIN target t ON t.id = s.target JOIN delivery d ON "
                                         "d.id = s.delivery WHERE t.name = 'board:s1/w1' ORDER BY s.alert DESC")]

    def posted():
        return r.rows("SELECT count(*) FROM delivery d JOIN target t ON t.id = d.target WHERE t.name = 'file:club' AND d.attempt > 0")[0][0]

    def crashes(*words):
        """In the second slice of what the words begin; then it is there again."""
        r.stop()
        r.start(TOCSIN_CRASH="in_sweep:2")
        r.run(*words)  # its answer may be lost
        r.process.wait(30)

    r.configure(("area: '6101'", "area: '61'"), ("id: club, type: file, audience: volunteer, quiet: []",
                                                 "id: club, type: file, audience: volunteer, quiet: ['08:00-12:30'], pace: {a_day: 0, a_rule: 0}"))
    with open(r.path("in.jsonl"), "a", encoding="utf-8") as f:
        for n in range(alerts):
            f.write(json.dumps({"event_id": f"e{n}", "sent_at": stamp(r.moment()), "area": f"61{n // 99 + 1:02d}{n % 99 + 1:02d}",
                                "kind": "call", "text": FRAUD, "count": 5}, ensure_ascii=False) + "\n")
    r.pass_time(seconds=1)
    r.until("the alerts", lambda: len(shown()) == alerts)
    crashes("silence", "add", "--by", "王队", "--reason", "试", "--matcher", 'rule="crash_test"', "--for", "2h")
    assert 0 < len(shown()) < alerts, len(shown())
    r.clock(r.now + timedelta(hours=1))  # the group's hour has come
    r.start()
    r.until("the others", lambda: not shown())
    r.pass_time(minutes=30)
    said = r.rows("SELECT DISTINCT d.state, d.reason FROM delivery d JOIN target t ON t.id = d.target WHERE t.name = 'file:club'")
    assert posted() == 0 and not os.path.exists(r.path("club.jsonl")), "what waited goes nowhere while the silence comes to it"
    assert said == [(11, "silence 1")], said
    # The end of it.
    crashes("silence", "expire", "1", "--by", "王队")
    assert 0 < len(shown()) < alerts, len(shown())
    r.start()
    r.until("the others", lambda: len(shown()) == alerts)
    assert shown() == [2] * alerts, "shown again, once"
    r.configure(restart=True)
    r.pass_time(minutes=30)
    assert shown() == [2] * alerts and posted() == 0, "and that was all"


def drills(r):
    # Without a window exercises reach those with drills only: here the duty room.
    r.event(1, "610113", status="Exercise")
    before = r.alert_in("610113")
    assert set(r.states(before)) == {"file:room"}, r.states(before)

    # To be meant: a name, an end, a known site, and --yes where nobody can be asked.
    start = ("drill", "start", "--by", "李科长")
    assert "--yes" in r.cli(*start, "--for", "30m", fails=True)
    assert "--for" in r.cli(*start, "--yes", fails=True)
    assert "8h" in r.cli(*start, "--yes", "--for", "9h", fails=True)
    assert "s9" in r.cli(*start, "--yes", "--for", "30m", "--site", "s9", fails=True)
    assert "--by" in r.cli("drill", "start", "--yes", "--for", "30m", fails=True)
    assert "open" in r.cli("drill", "stop", "--by", "李科长", fails=True)
    assert r.cli("drill", "list") == []

    r.pass_time(seconds=1)  # a window has what is not older than itself
    # On a terminal it asks for its own word, and takes no other.
    for word, code in (("y", 1), ("yes", 1), ("演练", 0)):
        assert at_terminal(r, word, *start, "--for", "30m") == code, word
    assert "李科长" in r.cli(*start, "--yes", "--for", "30m", fails=True)
    assert "drill until" in r.run("status").stdout

    # The exercise from before has ended; a new one reaches loudspeakers, screens and chats, marked, and ends with the window.
    assert r.cli("alerts", "show", before)["end_note"] == "drill started"
    r.event(2, "610114", status="Exercise")
    exercise = r.alert_in("610114")
    r.until("the club", lambda: r.states(exercise)["file:club"][0] == "sent")
    assert {"pa:s1/hall", "bulletin:s1", "board:s1/w1", "file:room"} <= set(r.states(exercise))
    lines = open(r.path("club.jsonl")).read().splitlines()
    assert len(lines) == 1 and "【演练】" in lines[0], lines
    window = r.cli("drill", "list")[0]
    assert r.cli("alerts", "show", exercise)["expires"] == window["ended"]

    # Elsewhere a real alert does not touch it; one on these loudspeakers ends its speech, now and later.
    r.event(3, "620101")
    elsewhere = r.alert_in("620101")
    assert "pa:s1/hall" not in r.states(elsewhere)
    assert r.states(exercise)["pa:s1/hall"][0] != "suppressed", r.states(exercise)
    r.event(4, "610115")
    real = r.alert_in("610115")
    over = ("suppressed", "real alert")
    assert r.states(real)["pa:s1/hall"][0] in ("queued", "sending", "retry"), r.states(real)
    assert r.states(exercise)["pa:s1/hall"] == over and r.states(exercise)["bulletin:s1"] == over, r.states(exercise)
    assert r.states(exercise)["board:s1/w1"][0] != "suppressed"
    r.event(5, "610116", status="Exercise")
    late = r.alert_in("610116")
    assert r.states(late)["pa:s1/hall"] == over and r.states(late)["bulletin:s1"] == over, r.states(late)
    r.until("the club", lambda: r.states(late)["file:club"][0] == "sent")

    # The report of it.
    window = r.cli("drill", "show", str(window["id"]))
    assert window["real_alert"] == real and window["alerts"] == 2 and window["state"] == "open", window
    targets = {t["target"]: t for t in window["targets"]}
    assert targets["pa:s1/hall"]["suppressed"] == 2 and targets["pa:s1/hall"]["sent"] == 0
    assert targets["file:club"]["sent"] == 2 and targets["file:club"]["sent_ms_worst"] >= targets["file:club"]["sent_ms"] >= 0
    assert r.run("drill", "show", str(window["id"])).stdout.count("\n") == 1 + len(targets)

    # Stopped: its exercises are over, the real alert is not.
    r.cli("drill", "stop", "--by", "李科长")
    assert r.cli("drill", "list")[0]["state"] == "stopped"
    assert r.cli("alerts", "show", late)["end_note"] == "drill stopped"
    assert real in [a["id"] for a in r.cli("alerts", "list", "--active")]

    # Of one site: chats that take no drills hear nothing. It counts its own events, not those of the drill before.
    r.pass_time(seconds=1)
    r.cli(*start, "--yes", "--for", "1m", "--site", "s1")
    r.event(6, "610116", status="Exercise")
    r.until("the exercise", lambda: r.cli("drill", "list")[0]["alerts"] == 1)
    exercise = r.alert_in("610116")
    assert exercise != late and r.cli("alerts", "show", exercise)["count"] == 5
    assert set(r.states(exercise)) == {"pa:s1/hall", "bulletin:s1", "board:s1/w1", "file:room"}


def drills_that_run_out(r):
    """Nobody stops the drill: what it made ends with it all the same, and the next one begins anew."""
    start = ("drill", "start", "--by", "李科长", "--yes", "--for", "30m")
    r.cli(*start)
    r.event(1, "610113", status="Exercise", count=1)
    exercise = r.alert_in("610113")
    r.event(2, "610113", status="Exercise", count=4)
    r.until("the higher certainty", lambda: r.cli("alerts", "show", exercise)["certainty"] == "Likely")
    assert r.cli("alerts", "show", exercise)["expires"] == r.cli("drill", "list")[0]["ended"], "it outlives the drill"
    r.event(3, "610114", status="Exercise", kind="report")  # one that is not enough for an exercise
    r.until("the candidate", lambda: r.cli("alerts", "list", "--review"))
    r.pass_time(minutes=31)
    assert r.cli("alerts", "list", "--active") == []
    r.cli(*start)
    for number, area in ((4, "610113"), (5, "610114")):
        r.event(number, area, status="Exercise", count=1)
        later = r.until("the exercise", lambda: next((a["id"] for a in r.cli("alerts", "list", "--active") if a["areas"] == area), None))
        story = r.cli("alerts", "show", later)
        assert (story["count"], story["certainty"]) == (1, "Possible"), story
        assert [e["event_id"] for e in story["events"] if not e.get("note")] == [f"e{number}"], story["events"]


def heard_before_the_drill(r):
    """What a group has read of an exercise stays sent when the exercise ends, and the group is not reminded of it."""
    r.configure(("group_by: [rule, area6]", "group_by: [rule, area6]\n  repeat_interval: 1h"))
    r.event(1, "620101", status="Exercise")
    exercise = r.alert_in("620101")
    r.until("the duty room", lambda: r.states(exercise)["file:room"][0] == "sent")
    r.cli("drill", "start", "--by", "李科长", "--yes", "--for", "30m")
    assert r.states(exercise)["file:room"][0] == "sent", r.states(exercise)
    r.pass_time(hours=2)
    assert len(r.lines_of("room")) == 1, r.lines_of("room")


def reports(r):
    # A site in trial: what is held is what the report of the trial shows, with its words and their length.
    r.cli("site", "mode", "s1", "trial", "--by", "李科长")
    r.event(1, "610113")
    first = r.alert_in("610113")
    r.until("the duty room", lambda: r.states(first)["file:room"][0] == "sent")
    trial = r.cli("report", "--trial")["trial"]
    assert {t["target"] for t in trial} == {"pa:s1/hall", "bulletin:s1", "board:s1/w1", "file:club"}, trial
    speech = next(t for t in trial if t["target"] == "pa:s1/hall")
    words = next(d for d in r.cli("deliveries", "list", "--alert", first) if d["target"] == "pa:s1/hall")
    words = r.cli("deliveries", "show", words["id"])["texts"]["voice"]
    assert speech["words"] == words and speech["alert"] == first and "转账" in words
    assert abs(speech["seconds"] - sum(c not in "。，、！？" for c in words) / 3.2) < 0.06, speech
    assert "seconds" not in next(t for t in trial if t["target"] == "file:club")
    assert words in r.run("report", "--trial").stdout
    # A newer revision, and an end, leave the trial's rows where the report finds them.
    r.cli("alerts", "confirm", first, "--by", "王队")
    r.cli("alerts", "cancel", first, "--by", "王队")
    assert len([t for t in r.cli("report", "--trial")["trial"] if t["target"] == "pa:s1/hall"]) == 2
    r.cli("site", "mode", "s1", "live", "--by", "李科长")

    # What people say came of it.
    r.event(2, "620101")
    second = r.alert_in("620101")
    r.until("the club", lambda: r.states(second)["file:club"][0] == "sent")
    r.cli("alerts", "outcome", second, "劝阻成功", "--by", "张警官")
    r.cli("alerts", "outcome", second, "劝阻成功", "--by", "王警官")
    r.cli("alerts", "outcome", first, "误报", "--by", "王警官")
    assert "误报" in r.cli("alerts", "outcome", first, "很好", "--by", "王警官", fails=True)
    r.cli("alerts", "outcome", "nothing-1", "误报", "--by", "王警官", fails=True)
    r.event(3, "620102", text="今天天气好")
    r.event(4, "99")
    r.cli("silence", "add", "--matcher", 'area6="620103"', "--for", "1h", "--by", "王队", "--reason", "核实中")
    r.event(5, "620103")
    r.alert_in("620103")
    r.until("what is under way", lambda: all(d["state"] != "sending" for d in r.cli("deliveries", "list")))

    # This month and its half hold the same; another month is empty; both without the relay too.
    today = r.moment()
    month = r.cli("report", "--month", today.strftime("%Y-%m"))
    assert r.cli("report") == month
    for name, rows in r.cli("report", "--half", today.strftime("%Y-%m") + ("a" if today.day < 16 else "b")).items():
        assert name in ("from", "to") or rows == month[name], name
    day = today.strftime("%Y-%m-%d")
    assert r.cli("report", "--from", day, "--to", day)["alerts"] == month["alerts"]
    events = {(e["kind"], e["verdict"]): e["events"] for e in month["events"]}
    assert events == {("call", "match"): 3, ("call", "no_match"): 1}, month["events"]
    assert [(a["rule"], a["alerts"], a["taken_back"]) for a in month["alerts"]] == [("crash_test", 3, 1)], month["alerts"]
    assert {(o["outcome"], o["times"]) for o in month["outcomes"]} == {("劝阻成功", 2), ("误报", 1)}
    ends = {(d["target"], d["state"]): d["deliveries"] for d in month["deliveries"]}
    assert ends["file:club", "sent"] >= 1 and ends["file:club", "suppressed"] >= 1, ends
    times = {(t["channel"], t["step"]): t for t in month["times"]}
    assert 0 <= times["file", "sent"]["p50_ms"] <= times["file", "sent"]["p95_ms"] < 60000, times
    assert [(s["by"], s["reason"], s["suppressed"]) for s in month["silences"]] == [("王队", "核实中", 3)]
    assert {"by": "张警官", "action": "alert.outcome", "times": 1} in month["people"]
    site = r.cli("report", "--site", "s1")
    assert {d["target"] for d in site["deliveries"]} == {"pa:s1/hall", "bulletin:s1", "board:s1/w1"}
    assert [a["alerts"] for a in site["alerts"]] == [1]
    empty = r.cli("report", "--month", "2020-02")
    assert empty["from"].startswith("2020-02-01T00:00:00") and empty["to"].startswith("2020-03-01"), empty
    assert not empty["alerts"] and not empty["events"]

    # As text and as CSV, which a spreadsheet reads without running what stands in it.
    text = r.run("report").stdout
    assert "crash_test" in text and "张警官" in text, text
    r.cli("alerts", "ack", second, "--by", '=1+1,"x"')
    sheet = list(csv.reader(io.StringIO(r.run("report", "--csv").stdout)))
    assert ["outcomes", "crash_test", "劝阻成功", "2", "测试"] in sheet, sheet
    assert ["people", '\'=1+1,"x"', "alert.ack", "1"] in sheet, sheet

    # What is wrong is said.
    for wrong in (["--month", "2026-13"], ["--half", "2026-11"], ["--from", "2026-02-30", "--to", "2026-03-01"],
                  ["--from", "2026-03-02", "--to", "2026-03-01"], ["--from", "2026-03-02"], ["--site", "s9"],
                  ["--month", "2026-11", "--half", "2026-11a"]):
        r.cli("report", *wrong, fails=True)
    r.stop()
    assert r.cli("report")["outcomes"] == month["outcomes"]


def by_hand(r):
    """What a person passes on by hand, and the review list."""
    r.event(1, "620101")
    alert = r.alert_in("620101")
    r.until("the page", lambda: r.states(alert)["forward:group"][0] == "sent")
    rows = {d["target"]: d["id"] for d in r.cli("deliveries", "list", "--alert", alert)}
    card_by_hand(r, alert, rows["forward:group"])
    r.cli("deliveries", "done", rows["forward:group"], fails=True)
    assert "forward" in r.cli("deliveries", "done", rows["file:club"], "--by", "护士长", fails=True)
    r.cli("deliveries", "done", rows["forward:group"], "--by", "护士长")
    assert r.states(alert)["forward:group"] == ("acknowledged", "passed on by 护士长")
    assert "acknowledged" in r.cli("deliveries", "done", rows["forward:group"], "--by", "护士长", fails=True)

    # What was taken back is not passed on any more; the correction is.
    r.cli("alerts", "cancel", alert, "--by", "王队")
    assert "is over" in r.cli("deliveries", "card", rows["forward:group"], "-o", r.path("late.png"), fails=True)
    assert not os.path.exists(r.path("late.png"))
    r.until("the correction", lambda: len([m for m in r.posted if m["msgtype"] == "image"]) == 2)
    newest = r.cli("deliveries", "list", "--alert", alert, "--target", "forward:group")[0]["id"]
    assert "更正" in r.cli("deliveries", "card", newest, "-o", r.path("card.png"))["alt"]

    assert [w["target"] for w in r.cli("wards", "list", "s1")["wards"]] == ["board:s1/w1"]
    assert "site list" in r.cli("wards", "list", "s9", fails=True)

    # Held for two persons: on the list with what is held and who has said yes; gone when it is decided.
    assert r.cli("alerts", "list", "--review") == []
    r.event(2, "630101")
    alert = r.alert_in("630101")
    (row,) = r.cli("alerts", "list", "--review")
    held = next(d["id"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "forward:group")
    assert "decision" in r.cli("deliveries", "card", held, "-o", r.path("held.png"), fails=True)
    assert row["alert"] == alert and row["note"] == "approval two" and row["held"] == 3 and "event" not in row, row
    r.cli("alerts", "approve", alert, "--by", "王队")
    assert r.cli("alerts", "list", "--review")[0]["approved_by"] == "王队"
    assert alert in r.run("alerts", "list", "--review").stdout
    r.cli("alerts", "approve", alert, "--by", "张队")
    assert r.cli("alerts", "list", "--review") == []
    # A report below its threshold stands beside it, newest first; a guessed area until somebody confirms it.
    r.event(3, "610113", kind="report")
    r.event(4, None)
    rows = r.until("both", lambda: (lambda rows: len(rows) == 2 and rows)(r.cli("alerts", "list", "--review")))
    guessed = next(row for row in rows if "alert" in row)
    assert "guessed area" in guessed["note"], guessed
    assert next(row for row in rows if "event" in row)["note"] == "candidate"
    r.cli("alerts", "confirm", guessed["alert"], "--by", "王队")
    assert [row.get("alert") for row in r.cli("alerts", "list", "--review")] == [None]


def card_by_hand(r, alert, delivery):
    """The picture that its group got, for whoever lost it: to the byte, with its words, also while the relay is away."""
    picture = r.until("the picture", lambda: [m["image"]["base64"] for m in r.posted if m["msgtype"] == "image"])[0]
    said = r.cli("deliveries", "card", delivery, "-o", r.path("card.png"))
    with open(r.path("card.png"), "rb") as f:
        assert f.read() == base64.b64decode(picture)
    texts = r.cli("deliveries", "show", delivery)["texts"]
    assert said["file"] == r.path("card.png") and all(s in said["alt"] for s in [texts["headline"], *texts["lines"]]), said
    assert said["alt"] in r.run("deliveries", "card", delivery, "-o", r.path("card.png")).stdout
    assert "nowhere" in r.cli("deliveries", "card", delivery, "-o", r.path("nowhere/card.png"), fails=True)
    assert r.run("deliveries", "card", delivery).returncode == 2
    r.stop()
    os.remove(r.path("card.png"))
    r.cli("deliveries", "card", delivery, "-o", r.path("card.png"))
    r.start()
    assert os.path.getsize(r.path("card.png")) == len(base64.b64decode(picture))


def mistypes(r):
    """What is not the number of a thing is no other thing's, words too many are a usage error, and half a list is not done."""
    r.cli("silence", "add", "--matcher", 'rule="x"', "--for", "1h", "--by", "王队", "--reason", "核实中")
    assert "there is no silence `1x`" in r.cli("silence", "expire", "1x", "--by", "王队", fails=True)
    assert r.cli("silence", "list")[0]["state"] == "active"
    r.event(1, "610113", kind="report")
    (row,) = r.until("a candidate", lambda: r.cli("alerts", "list", "--review"))
    assert "there is no event" in r.cli("alerts", "dismiss", f"{row['event']}O", "--by", "王队", fails=True)
    assert len(r.cli("alerts", "list", "--review")) == 1
    assert "there is no drill" in r.cli("drill", "show", "1x", fails=True)
    for words in (("status", "now"), ("reload", "now"), ("alerts", "list", "now")):
        done = r.run(*words)
        assert done.returncode == 2 and "Usage" in done.stderr and not done.stdout, (words, done)
    for limit in ("0", "-1", "10x", "99999999999999999999"):
        done = r.run("alerts", "list", "--limit", limit)
        assert done.returncode == 2 and limit in done.stderr, done
    with open("/dev/full", "w") as full:
        for words in (("silence", "list"), ("report", "--csv"), ("check", "--manual")):
            done = subprocess.run([r.tocsin, *words, "-c", r.path("tocsin.yaml")], stdout=full, stderr=subprocess.PIPE,
                                  text=True, env=dict(ENGLISH, **r.env))
            assert done.returncode == 1 and "No space left" in done.stderr, (words, done)
    # A delivery by its row, also when that has as many digits as a short id has letters.
    r.event(2, "610104")
    alert = r.alert_in("610104")
    r.stop()
    db = sqlite3.connect(r.path("state/tocsin.db"))
    (row,) = db.execute("SELECT max(id) FROM delivery").fetchone()
    with db:
        db.execute("UPDATE delivery SET id = 12345 WHERE id = ?", (row,))
    db.close()
    assert r.cli("deliveries", "show", "12345")["alert"] == alert
    assert "there is no delivery `12346`" in r.cli("deliveries", "show", "12346", fails=True)
    r.start()


def at_terminal(r, word, *words):
    """Runs tocsin on a pseudo-terminal where a person types `word`."""
    ours, theirs = os.openpty()
    child = subprocess.Popen([r.tocsin, *words, "-c", r.path("tocsin.yaml")], stdin=theirs, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    os.write(ours, (word + "\n").encode())
    code = child.wait(10)
    os.close(ours)
    os.close(theirs)
    return code


if __name__ == "__main__":
    main(People, silences, silence_in_slices, drills, drills_that_run_out, heard_before_the_drill, reports, by_hand, mistypes)
