#!/usr/bin/env python3
"""What a hospital's PA player says of itself reaches people: mutes in `tocsin status`, and to those on duty a word before one ends;
and what it says of an announcement that was confirmed meanwhile.
usage: players.py --tocsin PROGRAM --standin PROGRAM --source DIR"""
import argparse
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from rig import IN_ZONE, Rig, ZONE, require, stamp  # noqa: E402


class Players(Rig):
    def says(self, **members):
        """The retained state of site s1, as the schema has it."""
        state = {"v": 1, "state": "up", "at": stamp(), "version": "0.1.0", "site": "s1", "mode": "live", "clock": "trusted",
                 "holidays_known": True, "hold": None, **members}
        if self.schema:
            self.schema.validate(state)
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", "1", "-r", "-t",
                        "tocsin/v1/pa/s1/state", "-m", json.dumps(state, ensure_ascii=False)], check=True)

    def player(self):
        return next((p for p in self.status()["players"] if p["site"] == "s1"), None)

    def words(self):
        done = subprocess.run(self.command("status"), capture_output=True, text=True, env=dict(os.environ, TOCSIN_LANG="en"))
        return done.stdout


def run(rig):
    until = datetime.now(ZONE) + timedelta(minutes=9)
    hall = {"id": "hall", "name": "门诊大厅", "class": "hall", "muted_until": None, "opened_until": None}
    muted = {**hall, "muted_until": stamp(until), "muted_by": "王护士长 (root)", "mute_reason": "12床王建国家属在场，会议", "mute_ends_soon": False}
    rig.broker_start()
    rig.standin_start()
    rig.configure(chats=[rig.file_chat("desk", audience="duty", areas=["6101"]), rig.file_chat("far", audience="duty", areas=["62"]),
                         rig.file_chat("volunteers", audience="volunteer")], relay=IN_ZONE)
    rig.says(zones=[muted])  # before the relay is there: it is retained
    rig.relay_start()
    rig.until("the mute", 10, lambda: rig.player() and rig.player()["mutes"])
    mute = rig.player()["mutes"][0]
    require(mute["by"] == "王护士长 (root)" and mute["reason"] == "‹bed›‹name›家属在场，会议" and mute["zone"] == "hall", f"the mute is {mute}")
    require("门诊大厅 muted until" in rig.words(), f"status does not say it: {rig.words()}")
    require(not rig.lines_of("desk"), "the duty chat heard of it too soon")

    rig.says(zones=[{**muted, "mute_ends_soon": True}])
    rig.until("the word to those on duty", 10, lambda: rig.lines_of("desk"))
    text = json.dumps(rig.lines_of("desk"), ensure_ascii=False)
    require("门诊大厅" in text and until.strftime("%H:%M") in text and "王护士长" in text, f"it says {text}")
    require(not rig.lines_of("far") and not rig.lines_of("volunteers"), "others heard it")
    require(rig.ask("alerts", "list") == [], "it counts as an alert")
    require(rig.status()["alerts_in_force"] == 0, "it counts as an alert in force")

    rig.relay_kill()
    rig.relay_start()
    rig.until("the mute, after a restart", 10, lambda: rig.player() and rig.player()["mutes"])
    rig.says(zones=[{**muted, "mute_ends_soon": True}])
    rig.says(zones=[hall], hold="fire", hold_by="panel", holidays_known=False)
    rig.until("the hold", 10, lambda: rig.player()["hold"] == "fire")
    require(not rig.player()["mutes"], "a mute that ended is still shown")
    year = datetime.now(ZONE).year
    require("silent for fire (panel)" in rig.words() and f"no holiday data for {year};" in rig.words(), f"status does not say it: {rig.words()}")
    rig.says(zones=[hall], holidays_missing=year + 1)
    rig.until("what is needed for the next year", 10, lambda: f"no holiday data for {year + 1};" in rig.words())
    require("holidays_known" in rig.player() and rig.player()["holidays_known"], "this year's are not known")
    require(len(rig.lines_of("desk")) == 1, "those on duty were told twice")
    rig.says(state="down", zones=[])
    rig.until("that it is gone", 10, lambda: not rig.player()["up"])
    require("the player is gone" in rig.words(), f"status does not say it: {rig.words()}")
    report = subprocess.run(rig.command("report", "--month", datetime.now(ZONE).strftime("%Y-%m")), capture_output=True, text=True)
    require("pa.mute" in report.stdout and "王护士长" in report.stdout, f"the report does not name who muted: {report.stdout}{report.stderr}")
    confirmed(rig)
    print("ok players")


def confirmed(rig):
    """A person confirms what is just being spoken: it is not spoken once more, and the player is still heard."""
    rig.listen()
    event, = rig.publish(area="610113")
    rig.until_accepted()
    alert = rig.accepted[event]

    def hall(rev):
        return next((d["state"], d["reason"]) for d in rig.deliveries(alert=alert, target="pa:s1/hall") if d["rev"] == rev)
    rig.until("the announcement", 15, lambda: hall(1)[0] == "sent")
    rig.ask("alerts", "confirm", alert, "--by", "王队")
    require(hall(2)[0] == "suppressed" and "announce_again" in hall(2)[1], f"it is spoken once more: {hall(2)}")
    for state in ("accepted", "played"):
        rig.device_says("pa/s1/hall/log", {"id": f"{alert}.1/pa:s1/hall", "state": state, "at": stamp()})
    rig.until("the player's word", 10, lambda: hall(1)[0] == "played")


def main():
    parser = argparse.ArgumentParser()
    for name in ("tocsin", "standin", "source"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    with Players("players", args.tocsin, args.standin, f"{args.source}/tests/crash/pack") as rig:
        try:
            import jsonschema
            with open(f"{args.source}/packaging/doc/schema/state.schema.json", encoding="utf-8") as f:
                rig.schema = jsonschema.Draft202012Validator(json.load(f))
        except ImportError:
            rig.schema = None
        run(rig)


main()
