"""What the relay does when its disk or its database fails it. Run by fault.py."""
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import require, skip  # noqa: E402
from scenario import database, digest, everything_arrived, mount_tmpfs, nothing_twice, run_once, says, scenario, start  # noqa: E402

# -- the disk ---------------------------------------------------------------------------------------------------------


@scenario
def full_disk(rig):
    """No receipt while the disk is full; the relay lives and says what to do; with room again all arrives, once."""
    mount_tmpfs(rig, "12m")
    start(rig, relay={"reserve": "1MiB"})
    rig.publish(20)
    rig.until_accepted()
    rig.until("the targets", 10, lambda: everything_arrived(rig))
    filler = fill(rig)
    full_at = len(rig.accepted)

    def fails():  # what the log's file still holds room for may yet be accepted
        rig.publish(25)
        time.sleep(0.1)
        return rig.page("/healthz")[0] == 503
    rig.until("the full disk", 10, fails)
    rig.until_logged("no room on the disk: free some space there")
    rig.until_logged("nothing is acknowledged or sent until a commit works")
    time.sleep(0.5)
    rig.read_receipts()
    taken = len(rig.accepted)
    require(taken < len(rig.sent), "everything was accepted: the disk was not full")
    rig.resend()
    time.sleep(1.5)
    rig.read_receipts()
    require(len(rig.accepted) == taken, "an event was accepted while the disk was full")
    status = rig.status()
    require(not status["ok"], "status says that all is well")
    says(status["trouble"], "no room on the disk", "free some space")
    rig.must_live()
    os.unlink(filler)
    rig.until("health", 10, lambda: rig.page("/healthz")[0] == 200)
    rig.until_accepted(20)
    rig.until("the targets", 20, lambda: everything_arrived(rig))
    time.sleep(1.2)  # a second copy would come now
    nothing_twice(rig)
    says(rig.log(), "store works again")
    print(f"full_disk: {len(rig.sent)} events, {taken - full_at} of them taken after the disk was full of other things")


def fill(rig):
    """No byte more in the state folder; returns what to delete."""
    filler = os.path.join(rig.state, "filler")
    with open(filler, "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    return filler


def refused(rig, *words):
    """A person's command that the relay must refuse: what it said."""
    done = subprocess.run(rig.command(*words), capture_output=True, text=True, timeout=20, env=dict(os.environ, TOCSIN_LANG="en"))
    require(done.returncode == 1, f"tocsin {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stderr


@scenario
def failed_commit_counts_nothing(rig):
    """What a commit that failed has counted is not counted: events, gaps, metrics."""
    mount_tmpfs(rig, "12m")
    start(rig, relay={"reserve": "1MiB"})
    rig.publish(1, seq=1)
    rig.until_accepted()
    filler = fill(rig)
    number = 1

    def fails():  # each event leaves three numbers out
        nonlocal number
        number += 4
        rig.publish(1, seq=number, strange="x")
        time.sleep(0.1)
        return rig.page("/healthz")[0] == 503
    rig.until("the full disk", 30, fails)
    os.unlink(filler)
    rig.until_accepted(20)
    feed, n = rig.status()["feeds"][0], len(rig.accepted)
    require(feed["missing"] == 3 * (n - 1), f"{feed['missing']} numbers are missing, not {3 * (n - 1)}")
    require((feed["accepted"], feed["duplicate"]) == (n, 0), f"{n} events were accepted: {feed}")
    require(feed["unknown_members"] == n - 1, f"{feed}")
    metrics = rig.page("/metrics")[1]
    says(metrics, f'tocsin_verdicts_total{{verdict="match"}} {n}\n', f"tocsin_alerts_total {n}\n")


@scenario
def failed_commit_changes_nothing(rig):
    """What a person was told has not happened has not: a site's mode, a reload. A SIGHUP waits, and what it adds works."""
    start(rig)
    rig.publish(1)
    rig.until_accepted()
    db = sqlite3.connect(database(rig), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    says(refused(rig, "site", "mode", "s1", "trial", "--by", "王警官"), "nothing was changed")
    says(refused(rig, "reload"), "nothing was changed")
    db.execute("ROLLBACK")
    one, = rig.publish(1)
    rig.until_accepted()
    says(rig.log(), "store works again")
    require("reloaded" not in rig.log() and "reload waits" not in rig.log(), "a reload went on that was refused")
    require(rig.ask("site", "list")[0]["mode"] == "live", "the site's mode was changed")
    states = {d["target"]: (d["state"], d["reason"]) for d in rig.deliveries(alert=rig.accepted[one])}
    require(states["pa:s1/hall"] != ("held", "trial"), f"the mode that was refused is in force: {states}")

    db.execute("BEGIN IMMEDIATE")
    rig.configure(chats=[rig.file_chat(), rig.wecom_chat(), rig.file_chat("second"), rig.file_chat("third")],
                  feeds=[{"id": f, "type": "bank", "areas": ["61"], "rate": "1000/s"} for f in ("f1", "f2", "f3")])
    rig.relay.send_signal(signal.SIGHUP)
    rig.until_logged("reload waits until the store works again")
    db.execute("ROLLBACK")
    db.close()
    rig.until_logged("reloaded ")
    sent = {feed: rig.publish(1, feed=feed)[0] for feed in ("f2", "f3")}
    rig.until_accepted()
    rig.until("the targets", 10, lambda: everything_arrived(rig))
    for name in ("second", "third"):
        require({m["alert"] for m in rig.lines_of(name)} == {rig.accepted[e] for e in sent.values()}, f"{name} has {rig.lines_of(name)}")
    for feed, event in sent.items():
        alert = rig.accepted[event]
        require(rig.ask("alerts", "show", alert)["events"][0]["feed"] == feed, f"{alert} is not of {feed}")


@scenario
def nearly_full_disk(rig):
    """Below the reserve intake stops and deliveries go on; the message names the folder and the option."""
    mount_tmpfs(rig, "12m")
    start(rig, relay={"reserve": "8MiB"})
    rig.publish(3)
    rig.until_accepted()
    filler = os.path.join(rig.state, "filler")
    with open(filler, "wb") as f:
        f.write(b"x" * (6 << 20))
    rig.until_logged("disk nearly full", 8)
    says(rig.log(), "make room in " + rig.state, "relay.reserve")
    rig.publish(3)
    time.sleep(0.7)
    rig.read_receipts()
    require(len(rig.accepted) == 3, "an event was accepted below the reserve")
    require(rig.page("/readyz")[0] == 503, "ready below the reserve")
    says(rig.status()["trouble"], "disk nearly full", "make room")
    os.unlink(filler)
    rig.until_accepted(15)
    rig.until("the targets", 10, lambda: everything_arrived(rig))
    nothing_twice(rig)


@scenario
def read_only_folder(rig):
    """A folder that cannot be written: refused at the start, with what to look at."""
    rig.configure()
    if os.geteuid() == 0:
        mount_tmpfs(rig, "4m")
        subprocess.run(["mount", "-o", "remount,ro", rig.state], check=True)
    else:
        os.chmod(rig.state, 0o555)
    try:
        says(rig.relay_refused(), rig.state, "cannot be written", "check the owner and mode", "read-only")
    finally:
        if os.geteuid() != 0:
            os.chmod(rig.state, 0o755)


@scenario
def missing_folder(rig):
    """The folder itself is made, its parents are not: a name with a slip must not grow a tree."""
    rig.state = rig.path("no/such")
    rig.configure()
    os.rmdir(rig.state)
    os.rmdir(rig.path("no"))
    says(rig.relay_refused(), rig.state, "cannot be made", "create it or set relay.state_dir")


@scenario
def corrupt_database(rig):
    """A damaged header: refused with advice, and not a byte is changed."""
    run_once(rig)
    db = sqlite3.connect(database(rig))  # out of the log, which would stand in for the damaged page
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with open(database(rig), "r+b") as f:
        f.write(b"not a database at all")
    before = digest(database(rig))
    says(rig.relay_refused(), database(rig), "damaged", "Nothing was changed", "newest backup")
    require(digest(database(rig)) == before, "the damaged file was changed")


def many_backups(rig):
    """The newest stay, and what somebody else put there does; a folder that a clock ahead has named does not drive out new ones."""
    many, ahead = rig.path("many"), "20990101-000000"

    def backup(*words):
        done = subprocess.run(rig.command("backup", many, *words), capture_output=True, text=True, env=dict(os.environ, TOCSIN_LANG="en"))
        return done.returncode, done.stdout.split(":")[0], done.stderr

    for old in (ahead, "20200101-000000", "unfinished"):
        os.makedirs(os.path.join(many, old))
    for _ in range(3):
        code, made, said = backup("--keep", "2")
        require(code == 0 and sorted(os.listdir(made)) == ["hmac.key", "tocsin.db"], said)
        require(sorted(os.listdir(many)) == [os.path.basename(made), ahead], f"{os.listdir(many)}")
        time.sleep(1.1)  # they are named by the second
    with open(os.path.join(made, "mine"), "w") as f:
        f.write("of somebody")
    code, newest, said = backup("--keep", "1")
    require(code == 0 and "cannot be removed" in said and os.listdir(made) == ["mine"], said)
    require(sorted(os.listdir(many)) == [os.path.basename(made), os.path.basename(newest)], f"{os.listdir(many)}")
    for count in ("0", "-1", "two", "10001"):
        code, _, said = backup("--keep", count)
        require(code == 2 and f"from 1 to 10000, not `{count}`" in said, said)


@scenario
def lost_disk(rig):
    """The newest backup in place of a store that is gone: what was accepted is known, what was said is not said again."""
    start(rig)
    rig.publish(3)
    rig.until_accepted()
    rig.until("the targets", 5, lambda: everything_arrived(rig))
    safe = rig.path("safe")
    for _ in range(2):  # the second takes the first one's place
        done = subprocess.run(rig.command("backup", safe), capture_output=True, text=True, env=dict(os.environ, TOCSIN_LANG="en"))
        require(done.returncode == 0 and "its key" in done.stdout, f"{done.stdout}{done.stderr}")
    require(sorted(os.listdir(safe)) == ["hmac.key", "tocsin.db"], os.listdir(safe))
    require(os.stat(os.path.join(safe, "hmac.key")).st_mode & 0o077 == 0, "anybody can read the key")
    says(refused(rig, "backup", rig.state), "is relay.state_dir itself")
    says(refused(rig, "backup", rig.path("not/there")), "cannot be made")
    says(refused(rig, "backup", rig.path("tocsin.yaml")), "is no folder")
    many_backups(rig)
    rig.relay_kill()
    shutil.rmtree(rig.state)
    says(refused(rig, "backup", safe), "hmac.key")
    shutil.copytree(safe, rig.state)
    rig.relay_start()
    rig.publish(1)
    rig.until_accepted()
    rig.until("the fourth", 5, lambda: everything_arrived(rig))
    require(len(rig.ask("alerts", "list")) == 4, "alerts before and after")
    nothing_twice(rig)


@scenario
def newer_schema(rig):
    run_once(rig)
    db = sqlite3.connect(database(rig))
    db.execute("PRAGMA user_version = 999")
    db.close()
    before = digest(database(rig))
    says(rig.relay_refused(), "newer tocsin", "999", "install that version again")
    require(digest(database(rig)) == before, "the newer file was changed")


@scenario
def foreign_database(rig):
    rig.configure()
    db = sqlite3.connect(database(rig))
    db.execute("CREATE TABLE patient(name)")
    db.commit()
    db.close()
    before = digest(database(rig))
    says(rig.relay_refused(), "not a database of tocsin", "name another folder")
    require(digest(database(rig)) == before, "somebody else's file was changed")


@scenario
def second_daemon(rig):
    start(rig)
    says(rig.relay_refused(), "another tocsin is running with this folder", "stop it first")
    rig.publish(2)
    rig.until_accepted()
    rig.until("the targets", 5, lambda: everything_arrived(rig))


@scenario
def held_commit(rig):
    """While another process holds the write lock nothing is acknowledged: no PUBACK at the broker, no receipt."""
    rig.broker_start()
    rig.standin_start()
    rig.listen()
    rig.configure()
    wire = rig.wire_start()
    rig.relay_start()
    rig.until("the feed's session", 5, lambda: rig.status()["feeds"][0]["up"])
    db = sqlite3.connect(database(rig), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    rig.publish(5)
    time.sleep(2.0)
    rig.read_receipts()
    require(not rig.accepted, "a receipt left before the commit")
    require(not wire.pubacks(), "a PUBACK left before the commit")
    says(rig.log(), "another process has locked the database", "close every program")
    says(rig.status()["trouble"], "another process has locked the database")
    require(rig.log().count("feed=f1 not connected") == 1, "a feed that has read nothing was dropped again")
    require("silent for" not in rig.log(), "a feed that was just heard is called silent")
    db.execute("ROLLBACK")
    db.close()
    rig.until_accepted(10)
    rig.until("the PUBACKs", 10, lambda: wire.pubacks())
    rig.until("the targets", 10, lambda: everything_arrived(rig))
    nothing_twice(rig)


@scenario
def disk_errors(rig):
    """The disk refuses to flush for a while (EIO): nothing is acknowledged meanwhile, and the message says where to look."""
    if not shutil.which("strace"):
        skip("strace is not installed")
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        skip(f"tracing is refused here: {probe.stderr.strip()}")
    rig.broker_start()
    rig.standin_start()
    rig.listen()
    rig.configure()
    rig.relay_start(before=("strace", "-D", "-f", "-qq", "-o", rig.path("calls"), "-e", "trace=fsync,fdatasync", "-e",
                            "inject=fsync,fdatasync:error=EIO:when=60..63"))
    rig.until("the disk's error", 10, lambda: rig.publish() and "the disk refused to read or write" in rig.log())
    says(rig.log(), "check cable, disk and system log")
    rig.until_accepted(20)
    rig.until("the targets", 10, lambda: everything_arrived(rig))
    nothing_twice(rig)
    rig.until("health", 5, lambda: rig.page("/healthz")[0] == 200)


@scenario
def pruning_in_a_storm(rig):
    """While tens of thousands of old rows go, every new event is accepted, arrives, and is a duplicate when it comes again."""
    run_once(rig)
    old, kept_at = int((time.time() - 400 * 86400) * 1000), int((time.time() - 13 * 86400) * 1000)  # keys are kept 14 days
    db = sqlite3.connect(database(rig))
    feed = db.execute("SELECT id FROM feed").fetchone()[0]
    with db:
        db.executemany("INSERT INTO event_key VALUES (?, ?, 1, ?, 0, NULL)",
                       ((feed, f"{kind}{n:05d}", at) for n in range(8000) for kind, at in (("a", old), ("d", kept_at), ("f", old))))
        db.executemany("INSERT INTO event_other (feed, event_id, received, kind, area, body, count, verified, victim, suspect, payee) "
                       "VALUES (?, ?, ?, 0, '61', '{}', 1, 1, 0, 0, 0)", ((feed, f"a{n:05d}", old) for n in range(8000)))
    db.close()
    rig.standin_start()
    rig.listen()
    rig.configure(limits={"waiting": 100000})  # each alert is looked for by its own id: no digest, however slow the machine
    rig.relay_start()
    reader = sqlite3.connect(f"file:{database(rig)}?mode=ro", uri=True)

    def left():
        return (reader.execute("SELECT count(*) FROM event_key WHERE received <= ?", (old,)).fetchone()[0]
                + reader.execute("SELECT count(*) FROM event_other").fetchone()[0])

    def feed():  # never pauses, so that each slice stands between two commits of events; never far ahead of a slow machine
        rig.read_receipts()
        if len(rig.sent) - len(rig.accepted) < 50:
            rig.publish(5)
        return left()

    rig.until("the pruning", 10, lambda: feed() < 24000)
    rig.until("the end of the old rows", 30, lambda: not feed())
    during = len(rig.sent)
    rig.until_accepted(20)
    rig.until("the targets", 20 + during / 50, lambda: everything_arrived(rig))  # the group takes a hundred a second
    nothing_twice(rig)
    kept = reader.execute("SELECT count(*) FROM event_key WHERE event_id LIKE 'd%'").fetchone()[0]
    require(kept == 8000, f"{kept} keys of 8000 that are to be kept are left")
    alerts = dict(rig.accepted)
    for _, line in rig.sent.values():
        rig.push(line)
    rig.until("the duplicates", 20, lambda: rig.status()["feeds"][0]["duplicate"] >= len(rig.sent))
    rig.read_receipts()  # fails when one names another alert than the first time
    require(rig.accepted == alerts, "a resent event was taken for a new one")
    print(f"pruning_in_a_storm: 24,000 old rows went while {during} events came")
