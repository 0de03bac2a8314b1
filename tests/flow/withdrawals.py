#!/usr/bin/env python3
"""A feed takes back some of the events on which an alert stands: where none stands any more it is corrected, elsewhere it goes
on, and what a person has confirmed stays. usage: withdrawals.py --tocsin PROGRAM [PART…]"""
import os
import random
import signal
import sys
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from corrections import Room  # noqa: E402
from relay import PACK, Still, main  # noqa: E402
from rig import free_port, json_lines, stamp  # noqa: E402

HERE, THERE = "610113", "610104"  # two districts of one alert


class Withdrawals(Still):
    def configuration(self):
        self.room = Room()
        os.makedirs(self.path("pack"))
        self.write("pack/rules.yaml", self.read(os.path.join(PACK, "rules.yaml")).replace("expires: 24h", "expires: 72h"))
        return f"""
relay: {{id: wi, state_dir: state, keep_matched: 1d, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [pack]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61', '62']}}
  - {{id: f2, type: carrier, source: file, path: {self.path('second.jsonl')}, areas: ['61']}}
sites:
  - {{id: s1, name: 医院, area: '{HERE}', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
  - {{id: s2, name: 二院, area: '{THERE}', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats:
  - {{id: here, type: file, audience: volunteer, path: {self.path('here.jsonl')}, areas: ['{HERE}'], quiet: []}}
  - {{id: there, type: file, audience: volunteer, path: {self.path('there.jsonl')}, areas: ['{THERE}'], quiet: []}}
  - {{id: night, type: file, audience: volunteer, path: {self.path('night.jsonl')}, areas: ['{THERE}'], quiet: ['00:00-23:59']}}
  - {{id: watch, type: file, audience: duty, path: {self.path('watch.jsonl')}}}
  - {{id: desk, type: file, audience: duty, night: false, path: {self.path('desk.jsonl')}, areas: ['{HERE}', '{THERE}'],
     quiet: ['14:30-16:30']}}
  - {{id: group, type: wecom, audience: duty, areas: ['62'], allow_insecure: true,
     url: 'http://127.0.0.1:{self.room.server.server_port}/cgi-bin/webhook/send?key=k'}}
route: {{receiver: everyone, group_by: [rule], group_interval: 0s, repeat_interval: 1h}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
"""

    def cancel(self, number, *ids, into="in.jsonl"):
        self.event(number, HERE, into, msg_kind="cancel", references=[f"e{i}" for i in ids])

    def areas(self, alert, *areas):
        self.until(f"an alert in {areas}", lambda: self.cli("alerts", "show", alert)["areas"] == " ".join(areas))

    def hears(self, chat, *kinds):
        """All that the chat has heard, notices aside."""
        self.until(f"{kinds} in {chat}", lambda: len(self.alerts_of(chat)) >= len(kinds))
        assert self.alerts_of(chat) == list(kinds), (chat, self.alerts_of(chat))

    def alerts_of(self, chat):
        return [m["msgType"] for m in self.lines_of(chat) if m["rule"] == "crash_test"]

    def notices(self):
        return [m["chat"] for m in self.lines_of("watch") if m["rule"] == "withdrawn"]


def districts(r):
    r.event(1, HERE)
    alert = r.alert_in(HERE)
    r.event(2, THERE)
    r.event(3, THERE)
    r.areas(alert, HERE, THERE)
    r.hears("there", "Alert")
    assert set(r.shown(alert)) == {"board:s1/w1", "bulletin:s1", "board:s2/w1", "bulletin:s2"}
    # Another event of the district stands.
    r.cancel(4, 3)
    r.until("the lower count", lambda: r.cli("alerts", "show", alert)["count"] == 10)
    r.areas(alert, HERE, THERE)
    revisions = len(r.cli("alerts", "show", alert)["revisions"])
    # The last one: who had it is told, what waits ends, nobody else hears of it.
    r.cancel(5, 2)
    r.areas(alert, HERE)
    r.hears("there", "Alert", "Cancel")
    r.hears("here", "Alert")
    r.hears("watch", "Alert")
    story = r.cli("alerts", "show", alert)
    assert not story["ended"] and story["count"] == 5 and story["feeds"] == "f1", story
    last = story["revisions"][-1]
    assert (last["rev"], last["msgType"], last["areas"]) == (revisions + 1, "Cancel", THERE), last
    assert last["note"] == "area withdrawn by its feed", last
    why = "area withdrawn by its feed"
    assert r.states(alert)["file:night"] == ("cancelled", why), r.states(alert)
    assert r.states(alert)["board:s2/w1"] == ("cancelled", why) and r.states(alert)["bulletin:s2"] == ("cancelled", why)
    assert set(r.shown(alert)) == {"board:s1/w1", "bulletin:s1"}, r.shown(alert)
    # It is seen there again: an alert for those who were told that it was wrong, and for those who never had it.
    r.event(6, THERE)
    r.areas(alert, HERE, THERE)
    r.hears("there", "Alert", "Cancel", "Alert")
    assert r.states(alert)["file:night"] == ("held", "quiet_hours") and "board:s2/w1" in r.shown(alert)
    # And now the other one; then all of it: each correction once.
    r.cancel(7, 1)
    r.areas(alert, THERE)
    r.hears("here", "Alert", "Cancel")
    r.cancel(8, 6)
    r.until("the end", lambda: r.cli("alerts", "show", alert)["end_note"] == "withdrawn by its feed")
    r.hears("there", "Alert", "Cancel", "Alert", "Cancel")
    r.hears("watch", "Alert", "Cancel")
    r.hears("here", "Alert", "Cancel")
    r.hears("night")


def at_once(r):
    """Several events in one word, of several districts: what is left of it is worked out once."""
    for number, area in enumerate((HERE, THERE, "620101", "620102"), 1):
        r.event(number, area)
    alert = r.cli("alerts", "list")[0]["id"]
    r.areas(alert, HERE, THERE, "620101", "620102")
    r.until("the group", lambda: len(r.room.texts) == 1)
    revisions = len(r.cli("alerts", "show", alert)["revisions"])
    r.cancel(5, 1, 2, 3)
    r.areas(alert, "620102")
    r.hears("here", "Alert", "Cancel")
    r.hears("there", "Alert", "Cancel")
    assert len(r.cli("alerts", "show", alert)["revisions"]) == revisions + 1
    assert len(r.room.texts) == 1, "the group's area is in it still"


def feeds(r):
    """A second feed's district stays when the first takes back its own, and neither stands for the other."""
    r.event(1, HERE)
    alert = r.alert_in(HERE)
    r.event(2, THERE)
    r.event(3, THERE, into="second.jsonl")
    r.until("the second feed", lambda: r.cli("alerts", "show", alert)["feeds"] == "f1 f2")
    r.cancel(4, 1, 2)
    r.areas(alert, THERE)
    assert r.cli("alerts", "show", alert)["feeds"] == "f2"
    r.until("the correction", lambda: r.alerts_of("here")[-1:] == ["Cancel"])
    assert "Cancel" not in r.alerts_of("there")


def updates(r):
    """An update stands in the place of what it names: it is not counted beside it, and says where it is."""
    def update(number, area, *ids, **more):
        r.event(number, area, msg_kind="update", references=[f"e{i}" for i in ids], **more)

    r.event(1, HERE, count=4)
    alert = r.alert_in(HERE)
    assert r.cli("alerts", "show", alert)["certainty"] == "Possible"
    update(2, HERE, 1, count=3)  # 7 would be five times the threshold
    r.until("the new count", lambda: r.cli("alerts", "show", alert)["count"] == 3)
    story = r.cli("alerts", "show", alert)
    assert story["certainty"] == "Possible" and [e.get("note") for e in story["events"]] == ["withdrawn", None], story
    r.hears("here", "Alert")
    # The district was wrong: a correction there, an alert here, in one word.
    update(3, THERE, 2, count=4)
    r.areas(alert, THERE)
    r.hears("here", "Alert", "Cancel")
    r.hears("there", "Alert")
    assert r.cli("alerts", "show", alert)["count"] == 4
    r.hears("watch", "Alert")
    # It is nothing for people any more: then nothing stands.
    update(4, THERE, 3, text="没事了")
    r.until("the end", lambda: r.cli("alerts", "show", alert)["end_note"] == "withdrawn by its feed")
    r.hears("there", "Alert", "Cancel")


def name_areas(r):
    """From now on the rule's texts do."""
    r.write("pack/rules.yaml", r.read("pack/rules.yaml").replace("lines: [别转账]", "lines: ['{{area}} 别转账']").replace(
        "有人让您转账。这是诈骗", "{{area}}有人让您转账。这是诈骗").replace("rev: 1", "rev: 2"))
    r.process.send_signal(signal.SIGHUP)
    r.until("the reload", lambda: "reloaded" in r.read("log"))


def words(r):
    """Texts that name the areas follow them where they are shown or wait; what a group has had was said."""
    name_areas(r)

    def newest(target):
        row = next(d for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == target)  # the newest stands first
        return row, r.cli("deliveries", "show", row["id"])["texts"]

    def screen(site):
        assert f"board:{site}/w1" in r.shown(alert), r.shown(alert)
        row, texts = newest(f"board:{site}/w1")
        assert row["rev"] == r.shown(alert)[f"board:{site}/w1"], (row, r.shown(alert))
        return texts["lines"]

    r.event(1, HERE)
    alert = r.alert_in(HERE)
    assert screen("s1") == ["雁塔区 别转账"]
    r.event(2, THERE)  # one more district: its own targets hear of it, and the screens say both
    r.areas(alert, HERE, THERE)
    assert screen("s1") == screen("s2") == ["雁塔区、莲湖区 别转账"], (screen("s1"), screen("s2"))
    r.hears("there", "Alert")
    held, texts = newest("file:night")
    assert (held["state"], held["reason"]) == ("held", "quiet_hours") and "雁塔区、莲湖区有人" in texts["chat"], (held, texts)
    before = r.cli("alerts", "show", alert)["revisions"][-1]["rev"]
    r.cancel(3, 1)  # the first one left
    r.areas(alert, THERE)
    assert screen("s2") == ["莲湖区 别转账"] and "board:s1/w1" not in r.shown(alert)
    row, texts = newest("file:night")
    assert (row["state"], row["reason"], row["due"]) == ("held", "quiet_hours", held["due"]), row
    assert "莲湖区有人" in texts["chat"] and "雁塔" not in texts["chat"], texts
    assert [(v["msgType"], v["areas"]) for v in r.cli("alerts", "show", alert)["revisions"] if v["rev"] > before] == \
        [("Cancel", HERE), ("Update", THERE)]
    # Nobody heard anything for it, and what names no areas goes on as it is.
    r.hears("there", "Alert")
    r.hears("here", "Alert", "Cancel")
    assert len([d for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "bulletin:s2"]) == 1
    # A screen that was taken off by a person's word does not come back for it.
    r.cli("site", "mode", "s2", "trial", "--by", "李科长")
    r.until("an empty screen", lambda: "board:s2/w1" not in r.shown(alert))
    r.event(4, "620101")
    r.areas(alert, THERE, "620101")
    assert "board:s2/w1" not in r.shown(alert), r.shown(alert)


def reminded(r):
    """A group is reminded of what is true now, by the same rules as everybody: not in its quiet hours, and not during a silence."""
    def heard(chat):
        return [m["chat"].replace("\n", " ") for m in r.lines_of(chat) if m["rule"] == "crash_test"]

    def hears(chat, *words):
        r.until(f"{words} in {chat}", lambda: len(heard(chat)) >= len(words))
        for text, word in zip(heard(chat), words):
            assert ("第" in text) == ("第" in word) and all(w in text for w in word.split()), (text, word)
        assert len(heard(chat)) == len(words), heard(chat)

    r.event(1, HERE)
    alert = r.alert_in(HERE)
    hears("watch", "雁塔区")
    r.event(2, THERE)
    r.areas(alert, HERE, THERE)
    r.pass_time(minutes=61)
    for chat in ("watch", "desk"):
        hears(chat, "雁塔区", "第1次提醒 雁塔区、莲湖区")
    story = r.cli("alerts", "show", alert)["revisions"]
    assert [v["note"] for v in story].count("reminder of other areas") == 1, story
    r.cancel(3, 1)
    r.areas(alert, THERE)
    r.pass_time(minutes=61)
    for chat in ("watch", "desk"):
        said = heard(chat)[2]
        assert "第2次提醒" in said and "莲湖区" in said and "雁塔区" not in said, said
    # 14:02: the next one falls into the quiet hours of one of them, and a silence is in force for a while.
    r.cli("silence", "add", "--matcher", 'rule="crash_test"', "--for", "70m", "--by", "王队", "--reason", "核实")
    r.pass_time(minutes=61)
    assert len(heard("watch")) == len(heard("desk")) == 3
    r.pass_time(minutes=61)
    assert len(heard("watch")) == 4 and "第3次提醒" in heard("watch")[3] and len(heard("desk")) == 3
    r.pass_time(minutes=30)
    assert len(heard("desk")) == 4 and "第3次提醒" in heard("desk")[3], heard("desk")
    r.pass_time(hours=5)
    assert len(heard("watch")) == len(heard("desk")) == 4
    for chat in ("watch", "desk"):
        assert {m["msgType"] for m in r.lines_of(chat)} == {"Alert", "Update"}


def unsaid(r):
    """What waits is reworded also when a newer revision was not to be said there."""
    name_areas(r)
    r.event(1, HERE, count=1)
    alert = r.alert_in(HERE)
    r.event(2, THERE, count=1)
    r.areas(alert, HERE, THERE)
    r.event(3, THERE, "second.jsonl", count=1, observed_at=stamp(r.moment() - timedelta(hours=3)))
    r.until("the higher certainty", lambda: r.cli("alerts", "show", alert)["certainty"] == "Likely")
    assert r.states(alert)["file:night"][0] == "suppressed", r.states(alert)
    r.cancel(4, 1)
    r.areas(alert, THERE)
    held, = (d for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "file:night" and d["state"] == "held")
    text = r.cli("deliveries", "show", held["id"])["texts"]["chat"]
    assert "莲湖区有人" in text and "雁塔" not in text, text


def anyhow(r, seed=3):
    """Whatever comes and goes, in any order: screens and what waits name the areas of today, and no group hears of that. A site
    that moves to another area shows what is in force there, by a reload and by a restart."""
    name_areas(r)
    dice = random.Random(seed)
    places, events = {"s1": HERE, "s2": THERE}, {"in.jsonl": [], "second.jsonl": []}

    def taken(number, into):
        r.until(f"the receipt of e{number}", lambda: f'"e{number}"' in r.read(f"{into}.receipts"))

    def look(alert):
        story = r.cli("alerts", "show", alert)
        if story["ended"]:
            assert not [t for t, rev in r.shown(alert).items() if story["revisions"][rev - 1]["msgType"] != "Cancel"], story["id"]
            return
        names = story["places"].split("、")
        words = "、".join(names[:3]) + ("等地" if len(names) > 3 else "")
        rows = {(d["target"], d["rev"]): d for d in story["deliveries"]}
        shown = {t: rev for t, rev in r.shown(alert).items() if story["revisions"][rev - 1]["msgType"] != "Cancel"}
        for site, area in places.items():
            board = f"board:{site}/w1"
            assert (board in shown) == (area in story["areas"].split()), (board, shown, story["areas"])
            if board in shown:
                lines = r.cli("deliveries", "show", rows[board, shown[board]]["id"])["texts"]["lines"]
                assert lines == [f"{words} 别转账"], (board, lines, words)
        for target in ("file:night", "wecom:group"):
            row = next((d for d in reversed(story["deliveries"]) if d["target"] == target), None)
            if row and row["state"] in ("held", "queued"):
                text = r.cli("deliveries", "show", row["id"])["texts"]["chat"]
                assert words in text and row["rev"] == max(rev for t, rev in rows if t == target), (text, words)
        for chat in ("here", "there"):
            had = False
            for m in (m for m in r.lines_of(chat) if m["alert"] == alert):
                note = story["revisions"][int(m["delivery"].split("/")[0].rsplit(".", 1)[1]) - 1]["note"]
                assert not had or note != "other areas", (chat, m)
                had = m["msgType"] != "Cancel"

    for number in range(1, 46):
        into = dice.choice(("in.jsonl", "in.jsonl", "second.jsonl"))
        what = dice.choice(("event", "event", "cancel", "update", "confirm", "event", "cancel", "update", "move"))
        area = dice.choice((HERE, THERE, "610101", "610102") + (("620101",) if into == "in.jsonl" else ()))
        named = dice.sample(events[into], min(len(events[into]), dice.choice((1, 1, 2, 4))))
        if what == "move":
            site, to = dice.choice(sorted(places)), dice.choice((HERE, THERE, "610101", "610102"))
            r.configure((f"id: {site}, name: {'医院' if site == 's1' else '二院'}, area: '{places[site]}'",
                         f"id: {site}, name: {'医院' if site == 's1' else '二院'}, area: '{to}'"), restart=dice.random() < 0.1)
            places[site] = to
        elif what == "confirm":
            alive = [a["id"] for a in r.cli("alerts", "list", "--active") if a["rule"] == "crash_test" and a["certainty"] != "Observed"]
            if alive and dice.random() < 0.3:
                r.cli("alerts", "confirm", alive[0], "--by", "王队")
        elif what == "event" or not named:
            r.event(number, area, into, count=dice.choice((1, 4)))
        else:
            r.event(number, area, into, msg_kind=what, references=[f"e{n}" for n in named], count=1)
        if what not in ("confirm", "move"):
            taken(number, into)
            if what != "cancel":
                events[into].append(number)
        r.pass_time(seconds=1)
        for a in r.cli("alerts", "list"):
            if a["rule"] == "crash_test":
                look(a["id"])


def apart(r):
    """Exercises, tests and what is real do not touch one another: who gets the status wrong is told, and may say it right."""
    def receipt(number):
        return r.until(f"the receipt of e{number}", lambda: next(
            (a for answer in json_lines(r.path("in.jsonl.receipts")) for a in answer["results"] if a["event_id"] == f"e{number}"), None))

    r.event(1, HERE)
    r.event(2, HERE, status="Exercise")
    r.until("both alerts", lambda: len(r.cli("alerts", "list")) == 2)
    r.event(3, HERE, text="没事")  # no rule's business
    number = 3
    for wrong, named in (("Exercise", 1), ("Test", 1), ("Actual", 2), ("Test", 2), ("Exercise", 3)):
        for kind in ("cancel", "update"):
            number += 1
            r.event(number, HERE, msg_kind=kind, status=wrong, references=[f"e{named}"])
            answer = receipt(number)
            assert (answer["status"], answer["code"], answer["member"], answer["retry"]) == \
                ("rejected", "bad_type", "status", "same_id"), answer
            assert f"e{named}" in answer["message"] and ("Exercise" if named == 2 else "Actual") in answer["message"], answer
    for a in r.cli("alerts", "list"):
        assert not a["ended"] and a["count"] == 5 and len(r.cli("alerts", "show", a["id"])["events"]) == 1, a
    r.hears("here", "Alert")
    exercise, = (a["id"] for a in r.cli("alerts", "list") if a["status"] == "Exercise")
    r.event(number, HERE, msg_kind="update", status="Exercise", references=["e2"], count=7)  # now rightly, under its id
    r.until("the new count", lambda: r.cli("alerts", "show", exercise)["count"] == 7)
    r.event(number + 1, HERE, msg_kind="cancel", status="Exercise", references=[f"e{number}"])
    r.until("its end", lambda: r.cli("alerts", "show", exercise)["end_note"] == "withdrawn by its feed")
    r.hears("here", "Alert")


def confirmed(r):
    """Where a person has said that it is true, it stays."""
    r.event(1, HERE)
    alert = r.alert_in(HERE)
    r.event(2, THERE)
    r.hears("there", "Alert")
    r.cli("alerts", "confirm", alert, "--by", "王队")
    r.hears("there", "Alert", "Update")
    r.cancel(3, 2)
    r.until("the lower count", lambda: r.cli("alerts", "show", alert)["count"] == 5)
    r.areas(alert, HERE, THERE)
    # What a feed has added since is the feed's.
    r.event(4, "620101")
    r.areas(alert, HERE, THERE, "620101")
    r.until("the group", lambda: len(r.room.texts) == 1)
    r.cancel(5, 4)
    r.areas(alert, HERE, THERE)
    r.until("the correction", lambda: len(r.room.texts) == 2 and "更正" in r.room.texts[1])
    r.hears("there", "Alert", "Update")
    # The feed's last word does not end it. Those on duty hear of it once, and that they may.
    r.cancel(6, 1)
    r.until("the notice", lambda: r.notices())
    story = r.cli("alerts", "show", alert)
    # The notice itself is no warning that could be true or not.
    own = next(m["alert"] for m in r.lines_of("watch") if m["rule"] == "withdrawn")
    for verb in ("cancel", "confirm"):
        assert "message of the relay itself" in r.cli("alerts", verb, own, "--by", "王队", fails=True)
    assert [m["msgType"] for m in r.lines_of("watch") if m["alert"] == own] == ["Alert"], "a correction of a notice"
    assert not story["ended"] and story["areas"] == f"{HERE} {THERE}" and story["count"] == 1 and story["feeds"] == "f1", story
    notice, = r.notices()
    assert all(w in notice for w in (alert, "王队", "f1", f"tocsin alerts cancel {alert} --by", f"tocsin alerts confirm {alert} --by")), notice
    # And it waits for one of them to say so, or to keep it.
    waits, = r.cli("alerts", "list", "--review")
    assert (waits["alert"], waits["note"], waits["held"]) == (alert, "confirmed but taken back by its feed", 0), waits
    said = len(r.cli("alerts", "show", alert)["revisions"])
    r.cli("alerts", "confirm", alert, "--by", "张队")
    assert r.cli("alerts", "list", "--review") == []
    assert "confirmed already" in r.cli("alerts", "confirm", alert, "--by", "张队", fails=True)
    story = r.cli("alerts", "show", alert)
    assert len(story["revisions"]) == said and not story["withdrawn"], "nobody hears that it was kept"
    assert [(w["verb"], w["by"]) for w in story["actions"]] == [("alert.confirm", "王队"), ("alert.confirm", "张队")], story["actions"]
    # The next event stands for it again; without it a person is asked again.
    r.event(10, HERE)
    r.until("the count", lambda: r.cli("alerts", "show", alert)["count"] == 6)
    r.cancel(11, 10)
    r.until("the second notice", lambda: len(r.notices()) == 2)
    assert [w["alert"] for w in r.cli("alerts", "list", "--review")] == [alert]
    r.event(12, HERE)
    r.until("an empty list", lambda: r.cli("alerts", "list", "--review") == [])
    r.cancel(13, 12)
    r.until("the third notice", lambda: len(r.notices()) == 3)
    for chat in ("here", "there"):
        assert r.lines_of(chat)[-1]["msgType"] == "Update" and r.shown(alert).keys() >= {"board:s1/w1", "bulletin:s2"}
    assert len(r.room.texts) == 2, "a notice for those who have nothing to do with it"
    r.cli("alerts", "cancel", alert, "--by", "李科长")
    assert r.cli("alerts", "list", "--review") == []
    for chat in ("here", "there", "watch"):
        r.until("the correction", lambda c=chat: r.alerts_of(c)[-1] == "Cancel")
    # An event of the review list that a person has confirmed is the same.
    r.event(7, HERE, kind="report")
    event = str(r.until("the candidate", lambda: r.cli("alerts", "list", "--review"))[0]["event"])
    r.cli("alerts", "confirm", event, "--by", "张队")
    alert = r.alert_in(HERE)
    r.cancel(8, 7)
    r.until("the notice", lambda: len(r.notices()) == 4)
    assert "张队" in r.notices()[3] and not r.cli("alerts", "show", alert)["ended"]


def under_way(r):
    """What was under way when its area was taken back, and was refused for now, is not tried again after the correction."""
    r.event(1, HERE)
    alert = r.alert_in(HERE)
    r.room.answers = [-1]
    r.room.go.clear()
    r.event(2, "620101")
    r.until("the attempt", lambda: r.states(alert).get("wecom:group", [""])[0] == "sending" and not r.room.answers)
    first = next(d["id"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "wecom:group")
    r.cancel(3, 2)
    r.areas(alert, HERE)
    r.room.go.set()
    r.until("the correction", lambda: len(r.room.texts) == 1)
    r.until("the refusal", lambda: r.cli("deliveries", "show", first)["state"] != "sending")
    r.pass_time(minutes=5)
    assert r.cli("deliveries", "show", first)["state"] == "cancelled"
    assert "更正" in r.room.texts[0] and len(r.room.texts) == 1, r.room.texts


def taken_meanwhile(r):
    """What was under way when its area was taken back, and has been taken, was sent: the group is not reminded of it."""
    r.event(1, HERE)
    alert = r.alert_in(HERE)
    r.room.go.clear()
    r.event(2, "620101")
    r.until("the attempt", lambda: r.states(alert).get("wecom:group", [""])[0] == "sending")
    first = next(d["id"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "wecom:group")
    r.cancel(3, 2)
    r.areas(alert, HERE)
    r.room.go.set()
    r.until("the correction", lambda: len(r.room.texts) == 2 and r.states(alert)["wecom:group"][0] == "sent")
    r.until("its own answer", lambda: r.cli("deliveries", "show", first)["state"] == "sent")
    r.pass_time(hours=3)  # longer than the wait for a reminder
    assert r.cli("deliveries", "show", first)["state"] == "sent" and len(r.room.texts) == 2, r.room.texts
    # The same when all of it ends.
    r.room.go.clear()
    r.event(4, "620101")
    r.until("the attempt", lambda: r.states(alert)["wecom:group"][0] == "sending")
    last = next(d["id"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "wecom:group")
    r.cli("alerts", "cancel", alert, "--by", "王队")
    r.room.go.set()
    r.until("the correction", lambda: len(r.room.texts) == 4 and r.states(alert)["wecom:group"][0] == "sent")
    r.until("its own answer", lambda: r.cli("deliveries", "show", last)["state"] == "sent")
    r.pass_time(hours=3)
    assert r.cli("deliveries", "show", last)["state"] == "sent" and len(r.room.texts) == 4, r.room.texts


def not_kept(r):
    """An event that is not kept any more stands: nobody knows of a word against it."""
    r.event(1, HERE)
    alert = r.alert_in(HERE)
    r.pass_time(hours=25)
    r.event(2, THERE)
    r.areas(alert, HERE, THERE)

    def pruned():
        r.pass_time(seconds=1)  # from slice to slice
        return len(r.cli("alerts", "show", alert)["events"]) == 1

    r.until("the pruning", pruned)
    r.cancel(3, 2)
    r.until("the lower count", lambda: r.cli("alerts", "show", alert)["count"] == 5)
    story = r.cli("alerts", "show", alert)
    assert not story["ended"] and story["areas"] == f"{HERE} {THERE}", story
    r.hears("here", "Alert")


if __name__ == "__main__":
    main(Withdrawals, districts, at_once, feeds, updates, words, reminded, unsaid, anyhow, apart, confirmed, under_way, taken_meanwhile, not_kept)
