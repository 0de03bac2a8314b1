"""How long the relay's one thread is away from its feeds while something great is done at once: a start, a reload, a site's mode,
a silence over everything and its end, pruning, the lists of a console. Beside it a page is asked for every few milliseconds; the
longest answer is how long a live event would have waited. The store: 10,000 alerts in force at 20,000 targets, a million
deliveries, and as many of three years ago."""
import http.client
import json
import os
import signal
import socket
import sqlite3
import sys
import threading
import time

import fan
from rig import bench, wait_for


AIM = 200  # ms
DAY = 86400 * 1000
AREAS, SITES, WARDS, CHATS = 200, 10, 5, 30  # sites and chats of each area, wards of each site
BODY = json.dumps({"issuer": "测试", "voice": "防骗提醒。" * 8, "voice_short": "防骗提醒。", "headline": "让您转账的是骗子",
                   "lines": ["别转账"], "chat": "【防骗提醒】这是诈骗。" * 6}, ensure_ascii=False)


def area(i):
    return f"61{10 + i // 10:02d}{i % 10 + 1:02d}"


def config(rig, args, moved=0, **more):
    """more: of every site; moved: so many of them are somewhere else."""
    sites = [{"id": f"s{n}", "name": f"医院{n}", "area": area(n % AREAS if n >= moved else (n + 1) % AREAS), "zones": [{"id": "hall", "class": "hall"}],
              "wards": [{"id": f"w{i}", "name": f"{i}病区"} for i in range(WARDS)], **more} for n in range(AREAS * SITES)]
    chats = [{"id": f"g{n}", "type": "null", "audience": "volunteer", "quiet": [], "areas": [area(n % AREAS)],
              "pace": {"a_day": 0, "a_rule": 0}} for n in range(AREAS * CHATS)]
    return json.dumps({
        "relay": {"id": "bench", "state_dir": rig.path("state"), "issuer": "测试", "help": "服务台", "log_level": "info", "wide_sites": 1000},
        "broker": {"host": rig.socket},
        "http": {"listen": [f"127.0.0.1:{rig.http}"]},
        "rules": {"packs": [os.path.abspath(args.pack)]},
        "feeds": [{"id": "f1", "type": "carrier", "areas": ["61"], "rate": "100000/s"}],
        "sites": sites, "chats": chats,
        "route": {"receiver": "all", "group_by": ["rule", "area6"]},
        "receivers": [{"name": "all", "pa": ["announce", "bulletin"], "displays": ["all"], "chats": ["all"]}],
    }, ensure_ascii=False)


def fill(rig, alerts, alerts_old):
    """What so many alerts would have left: long over, and in force."""
    db = sqlite3.connect(rig.path("state/tocsin.db"), isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("PRAGMA journal_mode=WAL")
    now = int(time.time() * 1000)
    targets = {}
    places = {f"s{n}": n % AREAS for n in range(AREAS * SITES)} | {f"g{n}": n % AREAS for n in range(AREAS * CHATS)}
    for row, name in db.execute("SELECT id, name FROM target"):
        kind, _, place = name.partition(":")
        targets.setdefault(places[place.partition("/")[0]], []).append((row, kind, place.partition("/")[0]))
    db.execute("BEGIN")
    delivery = rendering = 0
    for n in range(1, alerts_old + alerts + 1):
        old = n <= alerts_old
        at = now - 1200 * DAY - n if old else now - 3600000 + n
        expires = at + 20 * 3600000
        where = n % AREAS
        db.execute("INSERT INTO grp VALUES (?, ?, 'crash_test')", (n, f"status=Actual rule=crash_test area6={area(where)} n={n}"))
        db.execute("INSERT INTO alert (n, id, grp, rule, rule_rev, set_hash, category, title, status, level, certainty, created, expires, rev, areas, "
                   "guessed, count, feeds, ended) VALUES (?, ?, ?, 'crash_test', 1, 'x', 'medins_safe_account', '测试', 0, 3, 0, ?, ?, 1, ?, 0, 5, 'f1', ?)",
                   (n, f"bench-20260101-{n}", n, at, expires, area(where), expires if old else None))
        db.execute("INSERT INTO revision VALUES (?, 1, 0, 3, 0, ?, ?, ?, 5, 'threshold')", (n, at, expires, area(where)))
        texts = {}
        rows = []
        for row, kind, place in targets[where]:
            variant = f"site:{place}" if kind != "null" else "chat:volunteer:测试:0"
            if variant not in texts:
                rendering += 1
                texts[variant] = rendering
                db.execute("INSERT INTO rendering VALUES (?, ?, 1, ?, ?)", (rendering, n, variant, BODY))
            delivery += 1
            state = {"pa": 4, "null": 3}.get(kind, 5)
            rows.append((delivery, n, row, state, 0 if kind != "null" else 1, at, expires, texts[variant], at + 500, 1 if state == 5 else None))
            if state == 5 and not old:
                db.execute("INSERT INTO showing VALUES (?, ?, ?, ?)", (row, n, delivery, expires))
        db.executemany("INSERT INTO delivery (id, alert, rev, target, state, reason, lane, level, created, expires, rendering, attempt, sent_at, snap_rev) "
                       "VALUES (?, ?, 1, ?, ?, '', ?, 3, ?, ?, ?, 1, ?, ?)", rows)
    db.execute("INSERT INTO meta VALUES ('alert_n', ?) ON CONFLICT DO UPDATE SET value = excluded.value", (alerts_old + alerts,))
    feed = db.execute("SELECT id FROM feed").fetchone()[0]
    db.executemany("INSERT INTO event_key VALUES (?, ?, 1, ?, 0, NULL)",
                   ((feed, f"old-{n:08d}", now - 20 * DAY) for n in range(alerts_old * 100)))
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


class Watch:
    """Asks for a page again and again; the longest answers are kept."""

    def __init__(self, rig):
        self.rig, self.over, self.worst, self.total = rig, threading.Event(), [], 0.0
        self.thread = threading.Thread(target=self.look, daemon=True)

    def look(self):
        line = begun = None
        while not self.over.is_set():
            line = line or http.client.HTTPConnection("127.0.0.1", self.rig.http, timeout=300)
            begun = begun or time.monotonic()
            try:
                line.request("GET", "/healthz")
                line.getresponse().read()
            except (OSError, http.client.HTTPException):
                line = None  # it was closed meanwhile: whoever waits goes on waiting
                time.sleep(0.005)
                continue
            self.worst.append((time.monotonic() - begun) * 1000)
            begun = None
            time.sleep(0.005)

    def __enter__(self):
        self.begun = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.total = time.monotonic() - self.begun
        self.over.set()
        self.thread.join()

    def longest(self):
        return max(self.worst, default=0.0)


def ask(rig, path, **body):
    line = http.client.HTTPConnection("relay", timeout=300)
    line.sock = socket.socket(socket.AF_UNIX)
    line.sock.settimeout(300)
    line.sock.connect(rig.path("state/control.sock"))
    if body:
        line.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    else:
        line.request("GET", path)
    answer = line.getresponse()
    text = answer.read()
    line.close()
    if answer.status != 200:
        raise SystemExit(f"bench: {path}: {answer.status} {text[:300]}")
    return json.loads(text)


def settle(rig, child):
    """Until it has nothing more to do."""
    def idle():
        before = fan.cpu_seconds(child.pid)
        time.sleep(0.5)
        return fan.cpu_seconds(child.pid) - before <= 0.03
    wait_for("an idle relay", 600, idle)


def reload(rig, child, text):
    with open(rig.path("tocsin.yaml"), "w", encoding="utf-8") as f:
        f.write(text)
    with open(rig.path("log"), encoding="utf-8") as f:
        before = f.read().count("reloaded ")
    child.send_signal(signal.SIGHUP)
    wait_for("the reload", 300, lambda: open(rig.path("log"), encoding="utf-8").read().count("reloaded ") > before, 0.05)


def measure(rig, args):
    child = rig.relay(config(rig, args))
    settle(rig, child)
    rig.end(child)
    fill(rig, args.alerts, args.old)
    found = []

    def note(name, watch):
        found.append((name, watch.longest(), watch.total))
        print(f"{name}: {watch.longest():.0f} ms of {watch.total:.1f} s", file=sys.stderr)

    with Watch(rig) as w:
        child = rig.relay(config(rig, args))
        up = time.monotonic() - w.begun
        settle(rig, child)
    found.append(("until it answers after a start", up * 1000, up))
    note("start, then every screen", w)
    with Watch(rig) as w:
        time.sleep(20)  # an alert with its hundred deliveries every 20 ms
    note("pruning", w)

    for path in ("/v1/status", "/v1/overview", "/v1/alerts", "/v1/alerts?active=1&limit=200", "/v1/alerts?review=1", "/v1/deliveries",
                 "/v1/deliveries?active=1", "/v1/deliveries?target=null:g77", "/v1/deliveries?alert=bench-20260101-9", "/v1/alert?id=bench-20260101-77",
                 "/v1/sites", "/v1/wards", "/v1/feedback"):
        with Watch(rig) as w:
            ask(rig, path)
        note(f"GET {path}", w)
    with Watch(rig) as w:
        reload(rig, child, config(rig, args))
        settle(rig, child)
    note("reload, nothing changed", w)
    with Watch(rig) as w:
        reload(rig, child, config(rig, args, help="门诊"))
        settle(rig, child)
    note("reload, other words", w)
    with Watch(rig) as w:
        reload(rig, child, config(rig, args, help="门诊", moved=AREAS))
        settle(rig, child)
    note(f"reload, {AREAS} sites moved", w)
    for mode in ("screens", "live"):
        with Watch(rig) as w:
            ask(rig, "/v1/site/mode", by="王", id=f"s7 {mode}")
            settle(rig, child)
        note(f"one site to {mode}", w)
    with Watch(rig) as w:
        reload(rig, child, config(rig, args, mode="screens"))
        settle(rig, child)
    note("reload, all sites to screens", w)
    with Watch(rig) as w:
        ask(rig, "/v1/silence/add", by="王", reason="试", matchers='level="red"', **{"for": "2h"})
        settle(rig, child)
    note("silence over everything", w)
    with Watch(rig) as w:
        ask(rig, "/v1/silence/expire", by="王", id="1")
        settle(rig, child)
    note("the end of it", w)
    rig.end(child)
    return found


def main():
    with bench(__doc__, "tocsin pack", alerts=10000, old=10000) as (args, rig):
        found = measure(rig, args)
        for name, ms, seconds in found:
            if args.json:
                print(json.dumps({"bench": "stalls", "case": name, "ours": round(ms), "reference": AIM, "ratio": round(ms / AIM, 2), "unit": "ms"}))
            else:
                print(f"{name:45} longest wait {ms:7.0f} ms in {seconds:6.1f} s")


if __name__ == "__main__":
    main()
