#!/usr/bin/env python3
"""What comes back from groups: links in duty messages and nowhere else, a page that changes nothing by being looked at, words
that are counted once by rule and group, and codes that a duty officer types. Targets are files.
usage: feedback.py --tocsin PROGRAM"""
import json
import os
import re
import sqlite3
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Still, main  # noqa: E402
from rig import free_port  # noqa: E402


class Feedback(Still):
    """Two groups of a duty audience, one of volunteers; pages with a public address."""

    def configuration(self):
        port = free_port()
        return f"""
relay: {{id: fb, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{port}'], public_address: 'http://127.0.0.1:{port}'}}
rules: {{packs: [{PACK}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61']}}
chats:
  - {{id: room, type: file, audience: duty, drills: true, path: {self.path('room.jsonl')}}}
  - {{id: east, type: file, audience: duty, path: {self.path('east.jsonl')}}}
  - {{id: club, type: file, audience: volunteer, path: {self.path('club.jsonl')}}}
route: {{receiver: everyone, group_by: [rule, area6]}}
receivers: [{{name: everyone, chats: all}}]
"""

    def texts(self, chat):
        return [json.dumps(m, ensure_ascii=False) for m in self.lines_of(chat)]

    def count(self, table):
        db = sqlite3.connect(f"file:{self.path('state', 'tocsin.db')}?mode=ro", uri=True)
        try:
            return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        finally:
            db.close()


def ask(address, **form):
    data = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data=data), timeout=10) as a:
            return a.status, a.read().decode(), a.headers
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode(), e.headers


def link_of(text):
    found = re.search(r"http://127\.0\.0\.1:\d+/f/[0-9a-z.]+", text)
    return found and found.group(0)


def links(r):
    r.event(1, "610113")
    alert = r.alert_in("610113")
    text = r.until("the duty group", lambda: next(iter(r.texts("room")), None))
    east = r.until("the other one", lambda: next(iter(r.texts("east")), None))
    link, other = link_of(text), link_of(east)
    assert link and other and link != other, text
    public = r.until("the volunteers", lambda: next(iter(r.texts("club")), None) or
                     (r.states(alert)["file:club"][0] == "held" and "held"))
    assert "http" not in public and "/f/" not in public, public
    for d in r.cli("deliveries", "list", "--alert", alert):
        assert "/f/" not in json.dumps(r.cli("deliveries", "show", d["id"])), "a link is only in the message"

    # To look is to change nothing.
    for method in ("GET", "HEAD"):
        with urllib.request.urlopen(urllib.request.Request(link, method=method), timeout=10) as a:
            assert a.status == 200 and a.headers["Referrer-Policy"] == "no-referrer"
    assert r.count("feedback") == 0 and r.count("action") == 0
    status, page, _ = ask(link)
    for word in ("收到", "本地也有", "误报", "劝阻成功"):
        assert word in page, page

    # A name is needed, a word that is known, and a link that is ours.
    assert ask(link, do="seen", name="")[0] == 400
    assert ask(link, do="cancel", name="王警官")[0] == 400
    row, until, words, mac = link.rsplit("/", 1)[1].split(".")
    base = link.rsplit("/", 1)[0]
    for bad in (f"{row}.{until}.{words}.{mac[::-1]}", f"{row}.{int(until) + 86400}.{words}.{mac}", f"{row}.{until}.1.{mac}",
                f"{int(row) + 1}.{until}.{words}.{mac}", f"{row}.{until}.{words}.{mac}a", "", "1.2.3", f"-{row}.{until}.{words}.{mac}"):
        assert ask(f"{base}/{bad}", do="seen", name="王警官")[0] == 403, bad
    assert r.count("feedback") == 0 and r.count("action") == 0

    # Each word once from one person; the record of who said it is there with it.
    status, page, headers = ask(link, do="seen", name="王警官")
    assert status == 200 and "HttpOnly" in headers["Set-Cookie"], page
    assert ask(link, do="seen", name="王警官")[0] == 200 and r.count("feedback") == 1 and r.count("action") == 1
    assert ask(link, do="acknowledged", name="王警官")[0] == 200
    assert r.states(alert)["file:room"] == ("acknowledged", "acknowledged by 王警官"), r.states(alert)
    assert ask(other, do="acknowledged", name="李警官")[0] == 200
    story = r.cli("alerts", "show", alert)
    assert story["acknowledged_by"] == "王警官", story
    said = {(a["verb"], a["by"], a.get("detail", "")) for a in story["actions"]}
    assert said == {("alert.feedback", "王警官", "本地也有"), ("alert.ack", "王警官", ""), ("alert.feedback", "李警官", "收到")}, said
    request = urllib.request.Request(link, headers={"Cookie": headers["Set-Cookie"].split(";")[0]})
    with urllib.request.urlopen(request, timeout=10) as a:
        assert 'value="王警官"' in a.read().decode()
    assert "&lt;b&gt;" in ask(link, do="deterred", name="<b>")[1]
    return alert


def typed(r, alert):
    """A volunteer reads the number; the duty officer types it."""
    code = next(d["short"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "file:club")
    assert "本地也有" in r.cli("alerts", "feedback", code, "nonsense", "--by", "赵警官", fails=True)
    r.cli("alerts", "feedback", "ZZZZZ", "误报", "--by", "赵警官", fails=True)
    r.cli("alerts", "feedback", code, "误报", fails=True)
    done = r.cli("alerts", "feedback", code.lower(), "误报", "--by", "赵警官", "--reason", "志愿者来电")
    assert done["delivery"].endswith("/file:club") and done["again"] is False, done
    assert r.cli("alerts", "feedback", code, "误报", "--by", "赵警官")["again"] is True
    counted = r.cli("alerts", "feedback")
    rule = counted["rules"][0]
    assert (rule["rule"], rule["seen"], rule["false_alarm"], rule["acknowledged"], rule["deterred"], rule["demote"]) == \
        ("crash_test", 1, 1, 2, 1, False), rule
    groups = {g["target"]: (g["seen"], g["false_alarm"], g["acknowledged"], g["deterred"]) for g in counted["groups"]}
    assert groups == {"file:room": (1, 0, 1, 1), "file:east": (0, 0, 1, 0), "file:club": (0, 1, 0, 0)}, groups
    assert r.status()["demote"] == []

    # More false alarms than anything else: the rule is listed, in the page of numbers and in the status.
    r.cli("alerts", "feedback", code, "误报", "--by", "孙警官")
    r.cli("alerts", "outcome", alert, "误报", "--by", "钱警官")
    assert ask(link_of(r.texts("east")[0]), do="false_alarm", name="周警官")[0] == 200
    assert r.cli("alerts", "feedback")["rules"][0]["demote"] is True
    assert r.status()["demote"] == \
        [{"rule": "crash_test", "title": "测试", "false_alarms": 4, "others": 2}]
    assert "crash_test" in r.run("status").stdout
    month = r.cli("report")
    assert {(f["target"], f["false_alarm"]) for f in month["feedback"]} >= {("file:club", 2), ("file:east", 1)}, month["feedback"]
    assert r.cli("alerts", "list")[0]["ended"] is None, "nobody but a named person cancels"


def drills(r):
    """Of an exercise one can only say that it was received."""
    before = len(r.texts("room"))
    r.cli("drill", "start", "--for", "10m", "--by", "王队", "--yes")
    r.event(2, "610114", status="Exercise")
    text = r.until("the exercise", lambda: next(iter(r.texts("room")[before:]), None))
    link = link_of(text)
    page = ask(link)[1]
    assert "演练" in page and "收到" in page and "误报" not in page, page
    assert ask(link, do="false_alarm", name="王警官")[0] == 400
    assert ask(link, do="acknowledged", name="王警官")[0] == 200
    r.cli("drill", "stop", "--by", "王队")


def correction(r, alert):
    """A correction asks for nothing."""
    before = len(r.texts("room"))
    r.cli("alerts", "cancel", alert, "--by", "王队")
    text = r.until("the correction", lambda: next((t for t in r.texts("room")[before:] if "更正" in t), None))
    assert "/f/" not in text, text


def restart(r):
    """A link holds after a restart; in the log there is none."""
    link = link_of(r.texts("east")[0])
    r.stop()
    r.start()
    assert ask(link)[0] == 200
    assert "/f/" not in r.read("log")


def no_address(r):
    """Without a public address nobody is asked anything."""
    r.stop()
    r.write("tocsin.yaml", re.sub(", public_address: '[^']*'", "", r.read("tocsin.yaml")))
    r.start()
    r.event(3, "610115")
    text = r.until("the duty group", lambda: next((t for t in r.texts("room") if r.alert_in("610115") in t), None))
    assert "/f/" not in text and "请点" not in text, text


def feedback(r):
    alert = links(r)
    typed(r, alert)
    drills(r)
    restart(r)
    correction(r, alert)
    no_address(r)


if __name__ == "__main__":
    main(Feedback, feedback)
