#!/usr/bin/env python3
"""What a changed file means for alerts that are in force. Targets are files. usage: reload.py --tocsin PROGRAM [PART…]"""
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, main  # noqa: E402
from review import Review  # noqa: E402
from rig import FRAUD, stamp  # noqa: E402


def modes(r):
    """The mode of a site in the file: by a reload and by a restart the same as from a person."""
    def comes(mode, alert, *where, restart=False):
        r.configure((f"area: '6101', mode: {comes.mode}", f"area: '6101', mode: {mode}"), restart=restart)
        comes.mode = mode
        assert r.cli("site", "list")[0]["mode"] == mode
        r.until(f"{alert} in {mode}", lambda: set(r.shown(alert)) == set(where))
        assert r.states(alert)["pa:s1/hall"] == ("held", "trial"), "what was not said is not said late"

    comes.mode = "trial"
    r.event(1, "610113")
    alert = r.alert_in("610113")
    comes("screens", alert, "board:s1/w1")
    comes("trial", alert)
    assert r.states(alert)["board:s1/w1"] == ("suppressed", "trial: the site went back")
    comes("live", alert, "bulletin:s1", "board:s1/w1")  # also what was there before it went back
    comes("trial", alert, restart=True)
    r.event(2, "610104")
    alert = r.alert_in("610104")
    comes("live", alert, "board:s1/w1", "bulletin:s1", restart=True)
    # The same by a person's word; what a silence keeps off stays off.
    r.event(3, "610105")
    silent = r.alert_in("610105")
    r.cli("silence", "add", "--matcher", 'area6="610105"', "--for", "2h", "--by", "王队", "--reason", "试")
    for mode, where in (("screens", {"board:s1/w1"}), ("trial", set()), ("screens", {"board:s1/w1"}), ("live", {"board:s1/w1", "bulletin:s1"})):
        r.cli("site", "mode", "s1", mode, "--by", "李科长")
        assert set(r.shown(alert)) == where and r.shown(silent) == {}, (mode, r.shown(alert))
    revisions = r.cli("alerts", "show", silent)["rev"]
    assert revisions == 1 and r.states(silent)["board:s1/w1"] == ("suppressed", "silence 1")
    assert len([m for m in r.lines_of("room") if m["alert"] == alert]) == 1


def newcomers(r):
    """A screen that the file has only now shows what is in force for it, and no group hears of it again."""
    r.event(1, "610113")
    first = r.alert_in("610113")
    r.until("the duty room", lambda: len(r.lines_of("room")) == 1)
    ward = "wards: [{id: w1, name: 一病区}"
    site = "  - {id: s5, name: 五院, area: '6101', zones: [{id: hall, class: hall}], wards: [{id: w1, name: 外科}]}\nchats:\n"
    r.configure((ward, ward + ", {id: w2, name: 二病区}"), ("chats:\n", site), ("mode: trial", "mode: screens"))
    at_first = {"board:s1/w1", "board:s1/w2", "board:s5/w1", "bulletin:s5"}
    r.until("the new screens", lambda: set(r.shown(first)) == at_first)
    assert "pa:s5/hall" not in r.states(first), "what was not said is not said late"
    assert r.states(first)["bulletin:s1"] == ("held", "trial")
    # One that was away, and one that comes with a restart.
    r.configure((", {id: w2, name: 二病区}", ""))
    r.event(2, "610104")
    second = r.alert_in("610104")
    r.until("the others", lambda: set(r.shown(second)) == at_first - {"board:s1/w2"})
    r.configure((ward, ward + ", {id: w2, name: 二病区}"))
    r.until("what came meanwhile", lambda: set(r.shown(second)) == set(r.shown(first)) == at_first)
    r.configure((ward, ward + ", {id: w3, name: 三病区}"), restart=True)
    r.until("what is in force", lambda: set(r.shown(second)) == set(r.shown(first)) == at_first | {"board:s1/w3"})
    assert len(r.lines_of("room")) == 2 and not r.lines_of("club"), r.lines_of("room")
    revisions = [v["rev"] for v in r.cli("alerts", "show", first)["revisions"]]
    r.configure(restart=True)
    assert [v["rev"] for v in r.cli("alerts", "show", first)["revisions"]] == revisions, "shown once"


def moved(r):
    """A site whose area or route changes shows what is in force for it now, and nobody is told anything a second time."""
    def room():
        return [m["msgType"] for m in r.lines_of("room")]

    def revisions():
        return [(v["msgType"], v["note"]) for v in r.cli("alerts", "show", alert)["revisions"]]

    everything = "displays: all, chats: all"
    here, away = {"board:s1/w1", "bulletin:s1"}, {"board:s3/w1", "bulletin:s3"}
    r.configure(("mode: trial", "mode: live"), (everything, "displays: [s1], chats: all"))
    r.event(1, "610113")
    alert = r.alert_in("610113")
    r.until("the duty room", lambda: room() == ["Alert"])
    assert set(r.shown(alert)) == here and r.states(alert)["pa:s1/hall"][0] in ("queued", "retry")
    # It leaves the area: nothing waits there and nothing stands there, and nobody hears that it was wrong.
    r.configure(("name: 医院, area: '6101'", "name: 医院, area: '6201'"))
    assert r.shown(alert) == {}
    why = "not in its area any more"
    assert {r.states(alert)[t] for t in (*here, "pa:s1/hall")} == {("cancelled", why)}, r.states(alert)
    # Another one comes, by a restart; the route takes it to the bulletin alone, and then to the screen.
    r.configure(("name: 三院, area: '65'", "name: 三院, area: '6101'"), restart=True)
    assert set(r.shown(alert)) == {"bulletin:s3"} and "pa:s3/hall" not in r.states(alert)
    r.configure(("displays: [s1], chats: all", everything))
    assert set(r.shown(alert)) == away, r.shown(alert)
    # Back again, and once.
    r.configure(("name: 医院, area: '6201'", "name: 医院, area: '6101'"))
    assert set(r.shown(alert)) == here | away and r.states(alert)["pa:s1/hall"] == ("cancelled", why)
    story = revisions()
    r.configure()
    r.configure(restart=True)
    assert revisions() == story and set(r.shown(alert)) == here | away
    # A screen that was away shows what the alert has become.
    ward = "id: s3, name: 三院, area: '6101', mode: live, zones: [{id: hall, class: hall}], wards: [{id: w1, name: 一病区}"
    r.configure((ward, ward.replace("w1", "w2")))
    assert set(r.shown(alert)) == here | {"board:s3/w2", "bulletin:s3"}
    r.cli("alerts", "confirm", alert, "--by", "王队")
    newest = r.cli("alerts", "show", alert)["rev"]
    r.configure((ward.replace("w1", "w2"), ward))
    assert r.shown(alert)["board:s3/w1"] == newest + 1 and r.shown(alert)["board:s1/w1"] == newest, r.shown(alert)
    assert room() == ["Alert", "Update"]
    # In trial as everywhere.
    r.configure(("name: 二院, area: '65'", "name: 二院, area: '610113'"))
    assert r.states(alert)["board:s2/w1"] == ("held", "trial"), r.states(alert)
    # And the end of it is the end everywhere.
    r.cli("alerts", "cancel", alert, "--by", "王队")
    r.until("the correction", lambda: room() == ["Alert", "Update", "Cancel"])
    assert r.shown(alert) == {}


def reminded_no_more(r):
    """A group that is taken out of the file is not reminded, and what stands for it keeps nobody busy."""
    r.configure(("group_by: [rule, area6]", "group_by: [rule, area6]\n  repeat_interval: 1h"))
    r.event(1, "610113")
    alert = r.alert_in("610113")
    r.until("the duty room", lambda: len(r.lines_of("room")) == 1)
    line = next(w for w in r.read("tocsin.yaml").splitlines() if "id: room" in w)
    r.configure((line + "\n", ""))
    r.pass_time(hours=2)
    assert r.states(alert)["file:room"][0] == "sent"
    due = [d["due"] for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "file:room"]
    assert due == [None] and "no such move" not in r.read("log"), due


def trial_of_a_ward(r):
    """A ward that is taken out of the file in a trial stays in the report of what it would have shown."""
    r.event(1, "610113")
    alert = r.alert_in("610113")
    ward = "wards: [{id: w1, name: 一病区}]"
    r.configure((ward, "wards: []"))
    assert r.states(alert)["board:s1/w1"] == ("cancelled", "trial: target removed"), r.states(alert)
    assert "board:s1/w1" in {w["target"] for w in r.cli("report", "--trial")["trial"]}


def rule_gone(r):
    """A rule that is loaded no more takes nothing of what is in force with it: its alert has its words."""
    os.makedirs(r.path("pack"))
    ours = open(os.path.join(PACK, "rules.yaml")).read()
    r.write("pack/rules.yaml", ours)
    r.write("pack/other.yaml", ours.replace("crash_test", "other_test"))
    r.configure(("mode: trial", "mode: live"), (f"packs: [{PACK}]", "packs: [pack]"))
    alerts = []
    for number, area in enumerate(("610113", "610104"), 1):
        r.event(number, area)
        alerts.append(r.alert_in(area))
    first, second = alerts
    r.until("the groups", lambda: len(r.lines_of("room")) == 2)
    os.rename(r.path("pack", "rules.yaml"), r.path("pack", "rules.away"))
    ward = "wards: [{id: w1, name: 一病区}"
    site = "  - {id: s5, name: 五院, area: '6101', zones: [{id: hall, class: hall}], wards: [{id: w1, name: 外科}]}\nchats:\n"
    r.configure((ward, ward + ", {id: w2, name: 二病区}"), ("chats:\n", site), restart=True)
    for alert in alerts:
        assert set(r.shown(alert)) == {"board:s1/w1", "board:s1/w2", "board:s5/w1", "bulletin:s1", "bulletin:s5"}, r.shown(alert)
        rows = {d["target"]: d["id"] for d in reversed(r.cli("deliveries", "list", "--alert", alert))}
        old, new, other = (r.cli("deliveries", "show", rows[t])["texts"] for t in ("board:s1/w1", "board:s1/w2", "board:s5/w1"))
        assert old == new and other["lines"] == old["lines"] and other["headline"] == old["headline"], (old, new, other)
    # A person may still say that it is true, and that it is not.
    r.cli("alerts", "confirm", first, "--by", "王队")
    r.until("the duty room", lambda: [m["msgType"] for m in r.lines_of("room")] == ["Alert", "Alert", "Update"])
    r.cli("alerts", "cancel", second, "--by", "王队")
    r.until("the duty room", lambda: len(r.lines_of("room")) == 4)
    said = r.lines_of("room")
    assert said[0]["chat"].splitlines()[1] == said[2]["chat"].splitlines()[1] and "更正。" in said[3]["chat"], said
    assert "经核实有误" not in said[3]["chat"], "the plain correction, where the rule has its own"


def sliced(r):
    """More alerts than one turn fits to another file: a crash between two slices, and the others are fitted after it."""
    alerts = 99
    r.configure(("mode: trial", "mode: live"))
    with open(r.path("in.jsonl"), "a", encoding="utf-8") as f:
        for n in range(1, alerts + 1):
            f.write(json.dumps({"event_id": f"e{n}", "sent_at": stamp(r.moment()), "area": f"6101{n:02d}", "kind": "call", "text": FRAUD,
                                "count": 5}, ensure_ascii=False) + "\n")

    def shown(target):
        return [rev for _, rev in r.rows("SELECT s.alert, d.rev FROM showing s JOIN target t ON t.id = s.target JOIN delivery d ON "
                                         "d.id = s.delivery WHERE t.name = ? ORDER BY s.alert DESC", target)]
    r.pass_time(seconds=1)
    r.until("the alerts", lambda: len(shown("board:s1/w1")) == alerts)
    r.stop()
    r.start(TOCSIN_CRASH="in_fitting:2")
    ward = "wards: [{id: w1, name: 一病区}"
    r.write("tocsin.yaml", r.read("tocsin.yaml").replace(ward, ward + ", {id: w2, name: 二病区}", 1))
    r.process.send_signal(signal.SIGHUP)
    r.process.wait(30)
    first = shown("board:s1/w2")
    assert 0 < len(first) < alerts, len(first)
    r.start()
    r.until("the others", lambda: len(shown("board:s1/w2")) == alerts)
    assert shown("board:s1/w2") == [2] * alerts and shown("board:s1/w1") == [1] * alerts, "shown once"
    r.configure(restart=True)
    assert shown("board:s1/w2") == [2] * alerts, "and that was all"


def modes_in_slices(r):
    """More sites than one turn brings back to trial: a crash between two slices, and what waits for those to come goes nowhere."""
    sites = "".join(f"  - {{id: t{n}, name: 医院, area: '6101', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 外科}}]}}\n"
                    for n in range(200))
    r.configure(("chats:\n", sites + "chats:\n"), ("area: '6101', mode: trial", "area: '6101', mode: live"), ("language: en", "wide_sites: 1000, language: en"),
                ("quiet: ['00:00-23:59']", "quiet: ['08:00-12:30']"), ("areas: ['6105']", "areas: ['6101']"))
    r.event(1, "610113")
    alert = r.alert_in("610113")
    r.until("every screen", lambda: len(r.shown(alert)) == 402)
    assert r.states(alert)["file:night"] == ("held", "quiet_hours")
    r.stop()
    r.clock(r.now + timedelta(hours=2))  # the group's hour has come
    r.write("tocsin.yaml", r.read("tocsin.yaml").replace("mode: live", "mode: trial"))
    subprocess.run([r.tocsin, "run", "-c", r.path("tocsin.yaml")], env=dict(os.environ, **r.env, TOCSIN_CRASH="in_following:2"),
                   stderr=subprocess.DEVNULL, timeout=30)
    left = r.shown(alert)
    assert "board:s1/w1" not in left and "board:t199/w1" in left, left
    r.start()
    r.until("the others", lambda: not r.shown(alert))
    r.pass_time(minutes=30)
    assert r.states(alert)["file:night"] == ("suppressed", "trial: the site went back"), r.states(alert)["file:night"]
    assert not os.path.exists(r.path("night.jsonl")), "what waited goes nowhere"
    assert {s for t, s in r.states(alert).items() if t.startswith("board:t")} == {("suppressed", "trial: the site went back")}


def stops(r):
    """A stop in the middle of a reload is a stop like any other."""
    for _ in range(8):
        r.process.send_signal(signal.SIGHUP)
        r.until("the reload's beginning", lambda: r.read("log").count("reloading ") > r.read("log").count("stopping"))
        r.stop()
        r.start()


if __name__ == "__main__":
    main(Review, modes, newcomers, moved, reminded_no_more, trial_of_a_ward, rule_gone, sliced, modes_in_slices, stops)
