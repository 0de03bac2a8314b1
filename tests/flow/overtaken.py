#!/usr/bin/env python3
"""What a later word finds on its way: a newer revision, a silence, a report that comes too late to be said.
usage: overtaken.py --tocsin PROGRAM [PART…]"""
import os
import sys
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from corrections import Room  # noqa: E402
from relay import PACK, Still, main  # noqa: E402
from rig import free_port, stamp  # noqa: E402


class Overtaken(Still):
    def configuration(self):
        self.room = Room()
        return f"""
relay: {{id: ov, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{PACK}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61']}}
  - {{id: f2, type: carrier, source: file, path: {self.path('second.jsonl')}, areas: ['61']}}
chats:
  - {{id: night, type: file, audience: volunteer, path: {self.path('night.jsonl')}, quiet: ['12:00-13:00']}}
  - {{id: watch, type: file, audience: duty, path: {self.path('watch.jsonl')}}}
  - {{id: group, type: wecom, audience: duty, allow_insecure: true,
     url: 'http://127.0.0.1:{self.room.server.server_port}/cgi-bin/webhook/send?key=k'}}
route: {{receiver: everyone, group_by: [rule, area6], repeat_interval: 1h}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
"""

    def under_way(self, alert, refusals):
        """The attempt is at the channel, which will refuse it for now."""
        self.until("the attempt", lambda: self.states(alert)["wecom:group"][0] == "sending" and len(self.room.answers) < refusals)


def late(r):
    """A second feed's report raises the certainty and is itself too old to be said: what waits for the end of the night is said
    then, and who is on duty is reminded of what they were told."""
    r.event(1, "610113", count=1)
    alert = r.alert_in("610113")
    assert r.states(alert)["file:night"] == ("held", "quiet_hours"), r.states(alert)
    r.until("the duty group", lambda: len(r.lines_of("watch")) == 1)
    r.event(2, "610113", "second.jsonl", count=1, observed_at=stamp(r.moment() - timedelta(hours=5)))
    r.until("the certainty", lambda: r.cli("alerts", "show", alert)["certainty"] == "Likely")
    assert r.states(alert)["file:night"] == ("suppressed", "older than relay.fresh"), r.states(alert)
    r.pass_time(hours=1, minutes=20)
    r.until("the night's chat", lambda: [m["rev"] for m in r.lines_of("night")] == [1])
    r.until("the reminder", lambda: [m["rev"] for m in r.lines_of("watch")] == [1, 1])
    # What is said later takes the place of all that came before it.
    r.clock(r.moment() + timedelta(hours=22, minutes=45))
    r.event(3, "610114", count=1)
    other = r.alert_in("610114")
    r.event(4, "610114", "second.jsonl", count=1, observed_at=stamp(r.moment() - timedelta(hours=5)))
    r.until("the certainty", lambda: r.cli("alerts", "show", other)["certainty"] == "Likely")
    r.cli("alerts", "confirm", other, "--by", "王队")
    rows = {d["rev"]: (d["state"], d["reason"]) for d in r.cli("deliveries", "list", "--alert", other) if d["target"] == "file:night"}
    assert rows[1] == ("suppressed", "superseded by revision 3") and rows[3] == ("held", "quiet_hours"), rows


def silenced(r):
    """Under way when it is silenced, and refused by the channel for now: it is not tried again."""
    r.room.answers = [-1]
    r.room.go.clear()
    r.event(1, "610113")
    alert = r.alert_in("610113")
    r.under_way(alert, 1)
    silence = r.cli("silence", "add", "--matcher", 'area6="610113"', "--for", "2h", "--by", "王队", "--reason", "核实中")["silence"]
    r.room.go.set()
    r.until("the refusal", lambda: r.states(alert)["wecom:group"][0] != "sending")
    r.pass_time(minutes=5)
    assert r.states(alert)["wecom:group"] == ("suppressed", f"silence {silence}") and r.room.texts == [], r.states(alert)


def newer(r):
    """Under way when a newer revision comes, and refused: what is said is the newer one, and once."""
    r.room.answers = [-1]
    r.room.go.clear()
    r.event(1, "610113", count=1)
    alert = r.alert_in("610113")
    r.under_way(alert, 1)
    r.event(2, "610113", "second.jsonl", count=1)
    r.until("the certainty", lambda: r.cli("alerts", "show", alert)["certainty"] == "Likely")
    r.room.go.set()
    r.until("the refusal", lambda: r.states(alert)["wecom:group"][0] == "sent")
    r.pass_time(minutes=5)
    rows = {d["rev"]: (d["state"], d["reason"]) for d in r.cli("deliveries", "list", "--alert", alert) if d["target"] == "wecom:group"}
    assert rows == {1: ("suppressed", "superseded by revision 2"), 2: ("sent", "")}, rows
    assert len(r.room.texts) == 1 and "多源" in r.room.texts[0], r.room.texts


def in_line(r):
    """What waits for another message to the same group goes when that one is done, also when the file was read anew meanwhile."""
    r.configure(("route:", "limits: {http_target: 1}\nroute:"))
    r.room.go.clear()
    r.event(1, "610113")
    first = r.alert_in("610113")
    r.until("the attempt", lambda: r.states(first)["wecom:group"][0] == "sending")
    r.event(2, "610114")
    second = r.alert_in("610114")
    r.until("the second in line", lambda: r.states(second)["wecom:group"] == ("queued", "waits for messages that are under way"))
    r.configure()
    r.room.go.set()
    r.until("both", lambda: len(r.room.texts) == 2)  # the clock stands: a wait of a minute would not end


if __name__ == "__main__":
    main(Overtaken, in_line, late, silenced, newer)
