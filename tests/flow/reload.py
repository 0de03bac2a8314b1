#!/usr/bin/env python3
"""What a changed file means for alerts that are in force. Targets are files. usage: reload.py --tocsin PROGRAM [PART…]"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import main  # noqa: E402
from review import Review  # noqa: E402


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
    comes("live", alert, "bulletin:s1")
    comes("trial", alert, restart=True)
    r.event(2, "610104")
    alert = r.alert_in("610104")
    comes("live", alert, "board:s1/w1", "bulletin:s1", restart=True)


if __name__ == "__main__":
    main(Review, modes)
