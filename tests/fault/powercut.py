#!/usr/bin/env python3
"""The power fails under load, again and again, and every event that had its receipt is in the store.

The relay's folder is an ext4 file system in an image file, mounted through a loop device. In the middle of the load the relay
is stopped (SIGSTOP), and the image is copied as it is: what the kernel had not written yet is not in the copy, just as it is
not on a disk whose power fails. The copy is mounted (ext4 replays its journal), and the store in it is held against the
receipts that the feed held before the copy began:

  - integrity_check finds nothing
  - every accepted event is there with its alert, and the alert has a delivery for every target
  - a relay starts on it, and says `duplicate` with the same alert to an event that is sent again

usage: powercut.py --tocsin PROGRAM --standin PROGRAM --pack DIR [--cuts N]     exit 77: skipped
"""
import argparse
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import Rig, require, skip  # noqa: E402

IMAGE_BYTES = 128 << 20
TARGETS = 3
SMALL = {"reserve": "1MiB"}  # the disk is

# The checker looks for each alert by its own id: a crowd after a restart must not become a digest.
ONE_BY_ONE = {"waiting": 100000}


def run(*words):
    return subprocess.run(words, capture_output=True, text=True)


def mount_image(rig, image, where):
    os.makedirs(where, exist_ok=True)
    done = run("mount", "-o", "loop", image, where)
    if done.returncode != 0:
        return done.stderr.strip() or "mount failed"
    rig.mounts.append(where)
    return None


def unmount(rig, where):
    done = run("umount", where)
    require(done.returncode == 0, f"umount {where}: {done.stderr}")
    rig.mounts.remove(where)


def set_up(rig):
    """The relay's folder on a file system of its own; skips where that is refused."""
    if os.geteuid() != 0:
        skip("loop mounts need root")
    if not shutil.which("mkfs.ext4"):
        skip("mkfs.ext4 is not installed")
    image, where = rig.path("disk"), rig.path("mounted")
    with open(image, "wb") as f:
        f.truncate(IMAGE_BYTES)
    done = run("mkfs.ext4", "-q", "-F", image)
    require(done.returncode == 0, f"mkfs.ext4: {done.stderr}")
    refused = mount_image(rig, image, where)
    if refused:
        skip(f"loop mounts are refused here: {refused}")
    rig.state = os.path.join(where, "state")


def look_into(rig, number, accepted):
    """Mounts the copy and holds the store in it against the receipts."""
    where = rig.path(f"after{number}")
    refused = mount_image(rig, rig.path("copy"), where)
    require(not refused, f"the copy cannot be mounted: {refused}")
    db = sqlite3.connect(os.path.join(where, "state", "tocsin.db"))
    said = db.execute("PRAGMA integrity_check").fetchall()
    require(said == [("ok",)], f"integrity_check: {said}")
    stored = dict(db.execute("SELECT e.event_id, a.id FROM event e JOIN alert a ON a.n = e.alert"))
    deliveries = dict(db.execute("SELECT a.id, count(*) FROM delivery d JOIN alert a ON a.n = d.alert GROUP BY a.id"))
    keys = {row[0] for row in db.execute("SELECT event_id FROM event_key")}
    db.close()
    for event, alert in accepted.items():
        require(event in keys, f"{event} had its receipt, and its key is not in the store")
        require(stored.get(event) == alert, f"{event} had its receipt for {alert}, and the store says {stored.get(event)}")
        require(deliveries.get(alert) == TARGETS, f"{alert} has {deliveries.get(alert)} deliveries")
    unmount(rig, where)
    return len(stored) - len(accepted)


def cut(rig, number):
    """Load, stop, copy, look. Returns how many events were stored whose receipts had not arrived."""
    going = threading.Event()
    going.set()

    def load():
        for _ in range(60):  # more than until the cut; a machine that is slow to copy must not fill the disk meanwhile
            if not going.is_set():
                break
            rig.publish(5)
            time.sleep(0.01)
    feed = threading.Thread(target=load)
    feed.start()
    time.sleep(0.25 + number % 5 * 0.07)
    rig.read_receipts()
    rig.relay.send_signal(signal.SIGSTOP)
    accepted = dict(rig.accepted)
    done = run("cp", "--sparse=always", rig.path("disk"), rig.path("copy"))  # what is empty costs no room
    require(done.returncode == 0, f"cp: {done.stderr}")
    going.clear()
    feed.join()
    more = look_into(rig, number, accepted)
    rig.relay.send_signal(signal.SIGCONT)
    rig.until_accepted(30)
    return accepted, more


def goes_on(rig, held):
    """A relay on the last copy answers for what was accepted before the power failed."""
    rig.relay_kill()
    where = rig.path("again")
    require(not mount_image(rig, rig.path("copy"), where), "the copy cannot be mounted again")
    rig.state = os.path.join(where, "state")
    rig.configure(relay=SMALL, limits=ONE_BY_ONE)
    rig.accepted = {}
    rig.relay_start()
    rig.resend()
    rig.until_accepted(30)
    for event, alert in held.items():
        require(rig.accepted[event] == alert, f"{event} was accepted for {alert}, and is for {rig.accepted[event]} after the cut")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--standin", required=True)
    parser.add_argument("--pack", required=True)
    parser.add_argument("--cuts", type=int, default=2)
    args = parser.parse_args()
    began = time.monotonic()
    with Rig("powercut", args.tocsin, args.standin, args.pack) as rig:
        set_up(rig)
        rig.broker_start()
        rig.standin_start()
        rig.listen()
        rig.configure(relay=SMALL, limits=ONE_BY_ONE)
        rig.relay_start()
        held, more = {}, 0
        for number in range(args.cuts):
            held, extra = cut(rig, number)
            more += extra
        goes_on(rig, held)
        print(f"powercut: {args.cuts} cuts, {len(held)} receipts held at the last, {more} events stored beyond them, "
              f"{len(rig.sent)} events in all, {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
