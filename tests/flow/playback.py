#!/usr/bin/env python3
"""An announcement on its way to a loudspeaker: its site goes back to trial while the broker has it, and its playback fails,
at once or after a night in which the zone was quiet.
usage: playback.py --tocsin PROGRAM --standin PROGRAM"""
import argparse
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import IN_ZONE, Rig, faketime, set_clock, stamp  # noqa: E402
from relay import PACK  # noqa: E402

HALL = "pa:s1/hall"


class Playback(Rig):
    def row(self, event):
        rows = self.deliveries(alert=self.accepted[event], target=HALL)
        return rows[0] if rows else {"state": "", "reason": ""}

    def until_state(self, event, state, reason=""):
        self.until(f"{state} {reason}", 15, lambda: self.row(event)["state"] == state and reason in self.row(event)["reason"])

    def ahead(self, seconds):
        set_clock(self.path("clock"), seconds)
        self.status()

    def says(self, event, state, reason=""):
        """The device's word on the event's announcement."""
        said = {"id": f"{self.accepted[event]}.1/{HALL}", "state": state, "reason": reason, "at": stamp()}
        self.device_says("pa/s1/hall/log", said)


def went_back(rig):
    """The broker has not answered yet when its site goes back: what it says then is the end of it."""
    rig.publish()
    rig.until_accepted()
    rig.broker.send_signal(signal.SIGSTOP)
    try:
        rig.ask("alerts", "approve", rig.accepted["e0"], "--by", "王队")
        rig.until_state("e0", "sending")
        rig.ask("site", "mode", "s1", "trial", "--by", "李科长")
    finally:
        rig.broker.send_signal(signal.SIGCONT)
    rig.until_state("e0", "suppressed", "trial: the site went back")
    rig.ask("site", "mode", "s1", "live", "--by", "李科长")


def failed(rig):
    """Approved long after it was made, it is still tried again for two minutes; then its fault is the end of it."""
    rig.publish()
    rig.until_accepted()
    rig.ahead(300)
    rig.ask("alerts", "approve", rig.accepted["e1"], "--by", "王队")
    rig.until_state("e1", "sent")
    rig.says("e1", "accepted")
    rig.says("e1", "playing")
    rig.says("e1", "failed", "no amplifier")
    rig.until("another attempt", 15, lambda: rig.row("e1")["attempt"] == 2)
    rig.until_state("e1", "sent")
    rig.ahead(430)
    rig.says("e1", "failed", "still no amplifier")
    rig.until_state("e1", "rejected", "still no amplifier")


def kept(rig):
    """What a device keeps until its zone's quiet hours end has not failed meanwhile: the two minutes are those of its own tries."""
    morning = 8 * 3600

    def fails(seconds, reason, attempt):
        """It is tried again; its wait for that passes at once."""
        rig.says("e2", "failed", reason)
        rig.until_state("e2", "retry", reason)
        rig.ahead(morning + seconds)
        rig.until("another attempt", 15, lambda: rig.row("e2")["attempt"] == attempt)
        rig.until_state("e2", "sent")

    rig.publish()
    rig.until_accepted()
    rig.ask("alerts", "approve", rig.accepted["e2"], "--by", "王队")
    rig.until_state("e2", "sent")
    rig.says("e2", "accepted")
    rig.says("e2", "queued", "quiet_hours")
    rig.until_state("e2", "sent", "queued quiet_hours")
    rig.ahead(morning)
    rig.says("e2", "playing")
    fails(60, "no amplifier in the morning", 2)
    rig.says("e2", "playing")  # a clinical code takes the loudspeaker for half an hour, and that is no fault either
    rig.says("e2", "preempted", "external_hold")
    rig.until_state("e2", "sent", "preempted external_hold")
    rig.ahead(morning + 1860)
    fails(1920, "no amplifier after it", 3)
    rig.ahead(morning + 1990)
    rig.says("e2", "failed", "still none")
    rig.until_state("e2", "rejected", "still none")
    # Somebody has mended it, and sends it once more: the device is told so, and its two minutes begin anew.
    rig.ask("deliveries", "replay", rig.row("e2")["id"], "--by", "王队")
    rig.until_state("e2", "sent")
    rig.until("the word to the device", 15, lambda: [m["again"] for m in rig.spoken() if "again" in m] == [1])
    rig.says("e2", "accepted")
    fails(2050, "a loose plug", 5)
    rig.says("e2", "played")
    rig.until_state("e2", "played")


def main():
    p = argparse.ArgumentParser()
    for name in ("--tocsin", "--standin"):
        p.add_argument(name, required=True)
    a = p.parse_args()
    with Playback("playback", a.tocsin, a.standin, PACK) as rig:
        env = faketime(rig.path("clock"), wall_only=True)
        set_clock(rig.path("clock"), 0)
        rig.broker_start()
        rig.listen()
        rig.configure(chats=[rig.file_chat()], relay={**IN_ZONE, "approval_timeout": "1h"},
                      route={"receiver": "everyone", "group_by": ["rule", "area6"], "approve": "one"})
        rig.relay_start(env)
        went_back(rig)
        failed(rig)
        kept(rig)


if __name__ == "__main__":
    main()
