#!/usr/bin/env python3
"""An announcement on its way to a loudspeaker: its site goes back to trial while the broker has it, and its playback fails.
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
    def says(state, reason=""):
        rig.device_says("pa/s1/hall/log", {"id": f"{rig.accepted['e1']}.1/{HALL}", "state": state, "reason": reason, "at": stamp()})

    def ahead(seconds):
        set_clock(rig.path("clock"), seconds)
        rig.status()
    rig.publish()
    rig.until_accepted()
    ahead(300)
    rig.ask("alerts", "approve", rig.accepted["e1"], "--by", "王队")
    rig.until_state("e1", "sent")
    says("accepted")
    rig.until_state("e1", "sent", "accepted")
    says("failed", "no amplifier")
    rig.until("another attempt", 15, lambda: rig.row("e1")["attempt"] == 2)
    rig.until_state("e1", "sent")
    ahead(430)
    says("failed", "still no amplifier")
    rig.until_state("e1", "rejected", "still no amplifier")


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


if __name__ == "__main__":
    main()
