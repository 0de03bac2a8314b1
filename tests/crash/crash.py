#!/usr/bin/env python3
"""kill -9 at random and at every named point, and nothing that was accepted is lost.

The relay runs for real against a real broker and stand-ins. A feed publishes events until each has its receipt. The relay is
killed again and again. At the end a checker reads only the receipts and the targets' own records:

  - every accepted event names an alert, and that alert reached every target
  - a delivery's id always stands for the same text
  - nothing was sent after its expiry

usage: crash.py --tocsin PROGRAM --standin PROGRAM --pack DIR [--kills N] [--seed N]
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import Failed, Rig, short_id, wait_for  # noqa: E402

POINTS = ["after_read", "in_transaction", "before_commit", "after_commit", "after_puback", "after_send",
          "before_checkpoint", "after_checkpoint", "in_pruning", "in_reload", "before_outcome"]
RARE = ["in_pruning", "in_reload", "before_checkpoint", "after_checkpoint"]  # not in every turn
EVENTS_A_ROUND = 25

# The checker looks for each alert by its own id: a crowd after a restart must not become a digest.
ONE_BY_ONE = {"waiting": 100000}


def records(rig):
    """What the targets themselves have: (target, delivery id, text, when, expires)."""
    for m in rig.lines_of("log"):
        yield "file:log", m["delivery"], m["chat"], m["time"], m["expires"]
    for m in rig.spoken():
        yield "pa:s1/hall", m["id"], m["text"], m["now"], m["expires"]


def check(rig):
    by_delivery, reached = {}, {}
    for target, delivery, text, when, expires in records(rig):
        if by_delivery.setdefault(delivery, text) != text:
            raise Failed(f"{delivery} was sent with two texts")
        if datetime.fromisoformat(when) > datetime.fromisoformat(expires):
            raise Failed(f"{delivery} was sent at {when}, after {expires}")
        reached.setdefault(delivery.split("/")[0].rsplit(".", 1)[0], set()).add(target)
    said = rig.said()  # the groups get a text only; the short id in it is what they have
    lost = []
    for event_id, alert in rig.accepted.items():
        have = set(reached.get(alert, ()))
        if short_id(f"{alert}.1/wecom:group") in said:
            have.add("wecom:group")
        missing = {"file:log", "pa:s1/hall", "wecom:group"} - have
        if missing:
            lost.append((event_id, alert, sorted(missing)))
    return lost


def kill_once(rig, point):
    """One run that ends at the point, or at random; True when the point ended it."""
    times = 1 if point in RARE else random.randint(1, 6)
    rig.relay_start({"TOCSIN_CRASH": f"{point}:{times}"} if point else {}, wait=False)
    rig.publish(EVENTS_A_ROUND * (4 if point and point.endswith("checkpoint") else 1))  # which waits for a log of some size
    try:
        if point:
            wait_for(point, 15, lambda: reached(rig, point))
        else:
            rig.relay.wait(random.uniform(0.15, 0.65))
    except (Failed, subprocess.TimeoutExpired):
        pass
    at_the_point = point and rig.relay.poll() == -signal.SIGKILL
    rig.relay_kill()
    rig.resend()
    return at_the_point


def reached(rig, point):
    if point == "in_reload" and rig.turns():
        rig.relay.send_signal(signal.SIGHUP)
    elif point not in RARE:
        rig.publish(1)  # a turn more
    time.sleep(0.1)
    return rig.relay.poll() is not None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--standin", required=True)
    parser.add_argument("--pack", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    random.seed(args.seed)
    print(f"crash: seed {args.seed}", flush=True)
    at_point = {p: 0 for p in POINTS}
    random_kills = 0
    with Rig("crash", args.tocsin, args.standin, args.pack) as rig:
        rig.broker_start()
        rig.standin_start()
        rig.listen()
        rig.configure(limits=ONE_BY_ONE)
        for n in range(args.kills):
            point = POINTS[n // 2 % len(POINTS)] if n % 2 == 0 else None
            if kill_once(rig, point):
                at_point[point] += 1
            else:
                random_kills += 1
        rig.relay_start()
        rig.until_accepted(60)
        try:
            wait_for("the targets", 100, lambda: not check(rig))  # a row that was killed seven times waits up to 75 s
        except Failed:
            for item in check(rig)[:20]:
                print("crash: LOST", item)
            raise
        print(f"crash: {len(rig.sent)} events accepted and delivered to 3 targets over {args.kills} kills "
              f"({random_kills} at random; at points: " + ", ".join(f"{p} {n}" for p, n in at_point.items()) + ")")
    never = [p for p, n in at_point.items() if not n]
    if args.kills >= 2 * len(POINTS) and never:
        raise SystemExit(f"crash: never stopped at {', '.join(never)}: the test does not test them")


if __name__ == "__main__":
    main()
