"""What the scenarios of failures have in common: how they are found, how they begin, what they look at."""
import hashlib
import os
import subprocess
import sys
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import require, short_id, skip  # noqa: E402

SCENARIOS = {}


def scenario(fn):
    SCENARIOS[fn.__name__] = fn
    return fn


# -- help -------------------------------------------------------------------------------------------------------------


def start(rig, **config):
    rig.broker_start()
    rig.standin_start()
    rig.listen()
    rig.configure(**config)
    rig.relay_start()


def deliveries_of(rig, target):
    """What the target itself has, counted by delivery."""
    if target == "file":
        return Counter(m["delivery"] for m in rig.lines_of("log"))
    said = Counter()
    for m in rig.lines_of("chat"):
        said[m["content"]] += m["errcode"] == 0
    return said


def everything_arrived(rig):
    """Every accepted event's alert has reached the file and the group."""
    files, said = deliveries_of(rig, "file"), rig.said()
    return all(f"{alert}.1/file:log" in files and short_id(f"{alert}.1/wecom:group") in said for alert in rig.accepted.values())


def nothing_twice(rig):
    for target in ("file", "group"):
        twice = {k: n for k, n in deliveries_of(rig, target).items() if n > 1}
        require(not twice, f"sent twice to {target}: {twice}")


def says(text, *parts):
    for part in parts:
        require(part in text, f"`{part}` is missing in: {text}")


def mount_tmpfs(rig, size):
    if os.geteuid() != 0:
        skip("a file system of its own needs root")
    os.makedirs(rig.state, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", rig.state], capture_output=True, text=True)
    if done.returncode != 0:
        skip(f"mounting a tmpfs is refused here: {done.stderr.strip()}")
    rig.mounts.append(rig.state)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def database(rig):
    return os.path.join(rig.state, "tocsin.db")


def run_once(rig):
    """A relay that has made its database and stopped."""
    rig.broker_start()
    rig.configure()
    rig.relay_start()
    rig.relay_stop()
