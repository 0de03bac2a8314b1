#!/usr/bin/env python3
"""What feeds and their broker can do wrong: each mistake has its clear answer or alarm, and what comes after it is taken.
usage: feeds.py --tocsin PROGRAM --standin PROGRAM --pack DIR [PART…]"""
import argparse
import json
import os
import select
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import FRAUD, Rig, Wire, ZONE, faketime, require, set_clock, stamp  # noqa: E402

EVENTS, BEATS = "feeds/f1/events", "feeds/f1/heartbeat"
FAR = timedelta(days=50 * 365)


class Feeds(Rig):
    def begin(self, env=None, feeds=None, broker=None):
        self.broker_start()
        self.receipts = self.subscribe("tocsin/v1/receipts/#")
        self.configure(feeds=feeds, chats=[self.file_chat()], broker=broker)
        self.relay_start(env)
        self.until("the feed's session", 5, lambda: self.feed()["up"])

    def feed(self):
        return self.status()["feeds"][0]

    def say(self, topic, payload, qos=1, retain=False):
        """What the broker said to it."""
        with open(self.path("payload"), "wb") as f:
            f.write(payload)
        done = subprocess.run(["mosquitto_pub", "-d", "-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", str(qos), *(["-r"] if retain else []),
                               "-t", f"tocsin/v1/{topic}", "-f", self.path("payload")], capture_output=True, text=True, timeout=10, check=False)
        return done.stdout + done.stderr

    def kept(self, sql):
        db = sqlite3.connect(f"file:{os.path.join(self.state, 'tocsin.db')}?mode=ro", uri=True)
        (value,), = db.execute(sql).fetchall()
        db.close()
        return value

    def answers(self):
        return [result for line in list(self.receipts.lines) for result in json.loads(line.partition(" ")[2])["results"]]

    def event(self, number, **members):
        event = {"event_id": f"b{number}", "sent_at": stamp(), "kind": "call", "text": FRAUD, "area": "610113", **members}
        return json.dumps({k: v for k, v in event.items() if v is not None}, ensure_ascii=False).encode()


def mistakes(rig):
    """Every payload that is none: refused by its code, with the member, an id where one can be read, and what to do."""
    rig.begin()
    good = rig.event("?").decode()
    later, sooner = (stamp(datetime.now(ZONE) + d) for d in (FAR, -FAR))

    def with_text(raw):
        return good.replace(FRAUD, "@").encode().replace(b"@", raw)

    cases = [  # payload, code, member, words of the message
        (b"", "malformed_json", None, "没有内容"),
        (b"\0", "malformed_json", None, "UTF-8"),
        (b"null", "malformed_json", None, "JSON 对象"),
        (b"[" + good.encode() + b"]", "malformed_json", None, "JSON 对象"),
        (good.encode()[:good.index("sent_at") + 20], "malformed_json", "sent_at", "不完整"),
        (good.encode() + b"{}", "malformed_json", None, "之后还有内容"),
        (with_text(b"\xe5\xae\x89\xff"), "malformed_json", "text", "UTF-8"),
        (good.encode("gb18030"), "malformed_json", "text", "UTF-8"),
        (with_text(b"a\0b"), "malformed_json", "text", "UTF-8"),
        (with_text(b"a\\u0000b"), "malformed_json", "text", "\\u0000"),
        (with_text(b"a\\ud800b"), "malformed_json", "text", "转义"),
        (with_text(b"x" * 1000000), "too_large", None, "最多 65536 字节"),
        (good[:-1].encode() + b',"more":' + b"[" * 30000, "malformed_json", "more[0]", "8 层"),
        (good[:-1].encode() + b',"txn":' + b'{"a":' * 9 + b"1" + b"}" * 10, "malformed_json", "txn.a", "8 层"),
        (good[:-1].encode() + b',"txn":{"memo":"a","memo":"b"}}', "malformed_json", "txn.memo", "重复"),
        (good[:-1].encode() + b',"txn":{"amount":1e400}}', "malformed_json", "txn.amount", "数字"),
        (good[:-1].encode() + b',"seq":-1e400}', "malformed_json", "seq", "数字"),
        (good[:-1].encode() + b',"seq":NaN}', "malformed_json", "seq", "JSON"),
        (rig.event("?", seq=1e300), "bad_type", "seq", "整数"),
        (rig.event("?", count=0.5), "bad_type", "count", "整数"),
        (rig.event("?", sent_at=later), "clock_ahead", "sent_at", "校准"),
        (rig.event("?", sent_at=sooner), "too_old", "sent_at", "7 天"),
        (rig.event("?", observed_at=later), "bad_time", "observed_at", "晚于 sent_at"),
        (rig.event("?", observed_at=1), "bad_type", "observed_at", "字符串"),
        (rig.event("?", expires_at="2026-02-30T00:00:00+08:00"), "bad_time", "expires_at", "时区"),
        (rig.event("?", sent_at=None), "missing_member", "sent_at", "缺少"),
        (rig.event("?", text=["a"]), "bad_type", "text", "字符串"),
        (rig.event("?", area="440100"), "area_not_allowed", "area", "范围"),
        (rig.event("?", kind="fax"), "unknown_kind", "kind", "规定之内"),
    ]
    for n, (payload, code, member, words) in enumerate(cases):
        rig.say(EVENTS, payload.replace(b'"b?"', b'"b%d"' % n))
        rig.say(EVENTS, rig.event(f"good-{n}", text="今天天气好"))
        rig.until(f"answers to case {n}", 5, lambda: len(rig.answers()) == 2 * n + 2)
        bad, after = rig.answers()[-2:]
        got = (bad["status"], bad["code"], bad.get("member"))
        require(got[:2] == ("rejected", code) and (got[2] or "").startswith(member or "") and bool(member) == bool(got[2]), f"case {n}: {bad}")
        require(words in bad["message"] and ("重发" in bad["message"] or code not in ("malformed_json", "too_large")), f"case {n}: {bad}")
        require(bad["event_id"] == (f"b{n}" if payload.startswith(b"{") else ""), f"case {n}: {bad}")
        require((after["event_id"], after["status"]) == (f"bgood-{n}", "accepted"), f"after case {n}: {after}")
    feed = rig.feed()
    require((feed["rejected"], feed["accepted"], feed["odd"]) == (len(cases), len(cases), 0), f"{feed}")


def not_heard(rig):
    """What is no event of this feed: said in the log and counted, and the broker tells the sender what nobody hears."""
    rig.begin()
    for topic in ("feeds/nobody/events", "feeds/f1/event", "feeds/f1/events/x", "feeds/F1/events"):
        require("RC:16" in rig.say(topic, rig.event(topic.replace("/", "-"))), f"nobody is told that nobody hears {topic}")
    rig.say(EVENTS, rig.event(1), qos=0)
    rig.until_logged("feed=f1 odd message: an event with QoS 0: the feed must publish with QoS 1; 1 so far")
    require(rig.feed()["odd"] == 1, "not counted")
    # Retained: taken when it comes, and not again from the broker's memory.
    rig.say(EVENTS, rig.event(2), retain=True)
    rig.until("the retained one", 5, lambda: [a["event_id"] for a in rig.answers()] == ["b2"])
    rig.relay_stop()
    rig.relay_start()
    rig.until_logged("feed=f1 odd message: a retained message: the feed must publish without retain; 1 so far")
    rig.say(EVENTS, b"", retain=True)  # takes it away, and is an empty event
    # Heartbeats that are none: alive, and no flood in the log.
    rig.until("its answer", 5, lambda: len(rig.answers()) == 2)
    for payload in (b"", b"{", b"{}", b"7", b'{"last_seq":"7"}', b'{"last_seq":-1}', b'{"last_seq":1e400}', b'{"last_seq":0.5}', b"[" * 100000, b"\xff" * 1000000):
        rig.say(BEATS, payload, qos=0)
    rig.until("the heartbeats", 5, lambda: rig.feed()["odd"] == 11)
    require(rig.log().count("heartbeat") <= 1, "a line a heartbeat")
    rig.say(EVENTS, rig.event(3, seq=5))
    rig.until("the next event", 5, lambda: rig.answers()[-1]["event_id"] == "b3")
    require(len(rig.answers()) == 3 and rig.feed()["missing"] == 0, f"{rig.answers()}")


def ahead(rig):
    """A heartbeat that overtakes the events: nothing is missing while they come, and what does not come is said once."""
    clock = rig.path("clock")
    set_clock(clock, 0)
    rig.begin(faketime(clock))

    def beat(last):
        heard = rig.feed()["heard"]
        rig.say(BEATS, json.dumps({"last_seq": last}).encode(), qos=0)
        rig.until("the heartbeat", 5, lambda: rig.feed()["heard"] != heard)

    def come(*numbers):
        before = len(rig.answers())
        for n in numbers:
            rig.say(EVENTS, rig.event(n, seq=n, sent_at=stamp(datetime.now(ZONE) + timedelta(seconds=passed)), text="今天天气好"))
        rig.until("the answers", 5, lambda: len(rig.answers()) == before + len(numbers))

    passed = 0
    come(1)
    beat(4)
    come(2, 3, 4)
    beat(7)
    passed += 10
    set_clock(clock, passed)
    come(5)
    passed += 10
    set_clock(clock, passed)
    require(rig.feed()["missing"] == 0 and " gap: " not in rig.log(), rig.log())
    beat(7)
    passed += 15
    set_clock(clock, passed)
    rig.until("the alarm", 5, lambda: rig.feed()["missing"] == 2)
    beat(7)
    passed += 30
    set_clock(clock, passed)
    come(7)
    require(rig.feed()["missing"] == 1, f"{rig.feed()}")
    come(6)
    require(rig.feed()["missing"] == 0 and rig.log().count(" gap: ") == 1, rig.log())
    rig.until_logged("feed=f1 the missing numbers have come")


def flood(rig):
    """Thousands of refused events have their receipts; the log has some of them and their number."""
    clock = rig.path("clock")
    set_clock(clock, 0)
    rig.begin(faketime(clock))
    for n in range(1000):
        rig.push(f'{{"event_id":"f{n}"}}')
    rig.until("the receipts", 5, lambda: len(rig.answers()) == 1000)
    require(rig.log().count("rejected code=missing_member member=sent_at") == 20, rig.log())
    require("event=f19 rejected code=missing_member member=sent_at; more of this minute are only counted" in rig.log(), rig.log())
    set_clock(clock, 61)
    rig.push('{"event_id":"last"}')
    rig.until_logged("feed=f1 980 more events were rejected since the last line; their receipts say why")
    require("event=last rejected" in rig.log(), rig.log())


def clocks_apart(rig):
    """A relay whose clock is wrong loses no event: what it refuses is to be sent again, and it says what is to be done."""
    clock = rig.path("clock")

    def say(*numbers, **members):
        before = len(rig.answers())
        for n in numbers:
            rig.say(EVENTS, rig.event(n, seq=n, **{"text": "今天天气好", **members}))
        rig.until("the answers", 5, lambda: len(rig.answers()) == before + len(numbers))
        return [(a["status"], a.get("code"), a.get("retry")) for a in rig.answers()[before:]]

    set_clock(clock, 10 * 86400)
    rig.begin(faketime(clock, wall_only=True))
    live = stamp()
    require(say(1, 2, sent_at=live) == [("rejected", "too_old", "later")] * 2, f"{rig.answers()}")
    require("不能确定" in rig.answers()[-1]["message"], f"{rig.answers()}")
    require("timedatectl" in rig.status()["trouble"] and rig.page("/readyz")[0] == 503, f"{rig.status()}")
    require("10d" in rig.feed()["why"] or "9d" in rig.feed()["why"], f"{rig.feed()}")
    rig.until_logged("compare the two clocks")
    require(rig.log().count("compare the two clocks") == 1, "a line an event")
    # Set right: it is behind what was stored, so it accepts, and a person says that this is the time.
    set_clock(clock, 0)
    require(say(1, 2, sent_at=live) == [("accepted", None, None)] * 2, f"{rig.answers()}")
    require("clock trust" in rig.status()["trouble"], f"{rig.status()}")
    rig.ask("clock", "trust", "--by", "王工")
    require(say(3) == [("accepted", None, None)] and "trouble" not in rig.status() and "why" not in rig.feed(), f"{rig.status()}")
    # The feed itself has shown that the time has passed: too old for good, unless its number is a new one.
    old = stamp(datetime.now(ZONE) - timedelta(days=8))
    require(say(0, sent_at=old) == [("rejected", "too_old", "never")], f"{rig.answers()}")
    require(say(4, sent_at=old) == [("rejected", "too_old", "same_id")] and "倒退" in rig.answers()[-1]["message"], f"{rig.answers()}")
    require("8d" in rig.feed()["why"], f"{rig.feed()}")
    # It leaps ahead under way: no event is needed to see that, and nothing of today is pruned for old.
    require(say(5) == [("accepted", None, None)], f"{rig.answers()}")
    time.sleep(2.5)  # it begins two seconds after its start
    kept = rig.kept("SELECT count(*) FROM event_key")
    set_clock(clock, 20 * 86400)
    rig.until("the doubt", 5, lambda: "timedatectl" in rig.status().get("trouble", ""))
    rig.relay_stop()
    rig.relay_start(faketime(clock, wall_only=True))
    time.sleep(2.5)
    require(rig.kept("SELECT count(*) FROM event_key") == kept == 4, f"pruned by a wrong clock, or none of {kept}")
    require(say(6) == [("rejected", "too_old", "later")] and "timedatectl" in rig.status()["trouble"], f"{rig.status()}")


def clock_hours_ahead(rig):
    """Not far enough to refuse anything, and far enough that nothing is said at once: somebody must know of it."""
    clock = rig.path("clock")
    set_clock(clock, 5 * 3600 + 60)
    rig.begin(faketime(clock, wall_only=True))

    def late(number, **members):
        before = rig.feed()["accepted"]
        rig.say(EVENTS, rig.event(number, **members))
        rig.until("the event", 5, lambda: rig.feed()["accepted"] == before + 1)
        return rig.feed().get("why", "")

    for n in range(3):
        require("5h" in late(n) and "trouble" not in rig.status(), f"{rig.status()}")
    require(rig.log().count("its newest event is 5h old") == 1, rig.log())
    # A backlog looks the same until something new comes; then what else is old says nothing.
    require(late(3, sent_at=stamp(datetime.now(ZONE) + timedelta(hours=5))) == "", f"{rig.feed()}")
    require(late(4) == "", f"{rig.feed()}")


def not_trusted(rig):
    """While nobody knows the time, what is accepted is neither old nor over by a wrong clock, and outlives its being set right."""
    clock = rig.path("clock")
    set_clock(clock, 60 * 86400)
    rig.begin(faketime(clock, wall_only=True))
    rig.say(EVENTS, rig.event(0, sent_at=stamp(datetime.now(ZONE) + timedelta(days=60)), area="610110"))
    rig.until("a record of that time", 5, lambda: rig.answers())

    def accepted(number, days):
        set_clock(clock, days * 86400)
        rig.until("distrust", 5, lambda: "not trusted" in rig.status().get("trouble", ""))
        before = len(rig.answers())
        rig.say(EVENTS, rig.event(number, area=f"61011{number}"))
        rig.until("the answer", 5, lambda: len(rig.answers()) == before + 1)
        require(rig.answers()[-1]["status"] == "accepted" and rig.answers()[-1].get("alerts"), f"{days}: {rig.answers()[-1]}")

    # Far behind, as a clock without its battery; and ahead still, but behind what is stored.
    accepted(1, -3000)
    accepted(2, 40)
    rig.relay_stop()
    set_clock(clock, 0)
    rig.relay_start(faketime(clock, wall_only=True))
    rig.ask("clock", "trust", "--by", "王工")
    rig.until("trust", 5, lambda: "not trusted" not in rig.status().get("trouble", ""))
    rig.say(EVENTS, rig.event(3, area="610113"))
    set_clock(clock, 61)  # what waited for an hour that is none waits a minute at most
    rig.until("the alerts", 10, lambda: len(rig.lines_of("log")) == 4)
    time.sleep(3)  # pruning begins
    require("trouble" not in rig.status(), f"{rig.status()}")
    require(rig.kept("SELECT count(*) FROM event_key") == 4, "their keys were pruned")
    require(rig.kept("SELECT count(*) FROM event WHERE alert IS NOT NULL") == 4, "they were pruned")


def clock_behind(rig):
    """… and one that is behind the feed's, but not behind the store."""
    clock = rig.path("clock")
    set_clock(clock, -3600)
    rig.begin(faketime(clock, wall_only=True))
    for n in range(2):
        rig.say(EVENTS, rig.event(n))
    rig.until("the answers", 5, lambda: [(a.get("code"), a.get("retry")) for a in rig.answers()] == [("clock_ahead", "later")] * 2)
    require("timedatectl" in rig.status()["trouble"] and rig.page("/readyz")[0] == 503, f"{rig.status()}")
    require("59m" in rig.feed()["why"] or "60m" in rig.feed()["why"] or "1h" in rig.feed()["why"], f"{rig.feed()}")
    set_clock(clock, 0)
    rig.say(EVENTS, rig.event(0))
    rig.until("the answer", 5, lambda: rig.answers()[-1]["status"] == "accepted")
    require("trouble" not in rig.status() and "why" not in rig.feed(), f"{rig.status()}")
    rig.until_logged("feed=f1 its clock and this machine's agree again")


def forgotten(rig):
    """A broker that comes back without its sessions: said, and heard again."""
    rig.begin()
    rig.until_logged("feed=f1 connected: a new session")
    rig.broker.kill()
    rig.broker.wait()
    rig.until("the loss", 5, lambda: not rig.feed()["up"])
    require(rig.feed()["why"], "nobody is told why")
    rig.broker_start()
    rig.receipts = rig.subscribe("tocsin/v1/receipts/#")
    rig.until_logged("feed=f1 connected: the broker has forgotten its session", 10)
    rig.until("the relay's own session", 10, lambda: rig.status()["broker"])
    rig.say(EVENTS, rig.event(1))
    rig.until("the answer", 5, lambda: [a["status"] for a in rig.answers()] == ["accepted"])


def removed(rig):
    """A feed that the configuration has no more: the broker collects nothing for it. One with another window goes on."""
    feeds = [{"id": f"f{n}", "type": "bank", "areas": ["61"]} for n in (1, 2, 3)]
    rig.begin(feeds=feeds)
    rig.until("the sessions", 5, lambda: all(f["up"] for f in rig.status()["feeds"]))
    rig.configure(feeds=[feeds[0], {**feeds[2], "window": 7}], chats=[rig.file_chat()])
    rig.relay.send_signal(signal.SIGHUP)
    rig.until_logged("reloaded ")
    rig.until("the sessions", 5, lambda: [(f["id"], f["up"]) for f in rig.status()["feeds"]] == [("f1", True), ("f3", True)])
    require(rig.log().count("feed=f1 connected") == 1 and "feed=f3 connected: the broker kept its session" in rig.log(), rig.log())
    require("RC:16" in rig.say("feeds/f2/events", rig.event(2)), "the broker still collects for a feed that is gone")
    rig.say("feeds/f3/events", rig.event(3))
    rig.say(EVENTS, rig.event(1))
    rig.until("the answers", 5, lambda: [a["status"] for a in rig.answers()] == ["accepted"] * 2)


def not_opened(rig):
    """A new feed that cannot be opened: the reload is refused whole, and the old feeds do not notice."""
    with open(rig.path("password"), "w") as f:
        f.write("secret\n")
    os.chmod(rig.path("password"), 0o600)
    broker = {"username": "relay", "password_file": rig.path("password")}
    feeds = [{"id": f"f{n}", "type": "bank", "areas": ["61"]} for n in (1, 2)]
    rig.begin(feeds=feeds[:1], broker=broker)
    rig.say(EVENTS, rig.event(1, seq=1))
    rig.say(EVENTS, rig.event(3, seq=3))
    rig.until("the answers", 5, lambda: len(rig.answers()) == 2)
    os.rename(rig.path("password"), rig.path("gone"))
    rig.configure(feeds=feeds, chats=[rig.file_chat()], broker=broker)
    rig.relay.send_signal(signal.SIGHUP)
    rig.until_logged("reload refused: feed f2: ")
    require("password" in rig.log().split("reload refused: ")[1].splitlines()[0], rig.log())
    require([(f["id"], f["up"], f["accepted"], f["missing"]) for f in rig.status()["feeds"]] == [("f1", True, 2, 1)], f"{rig.status()['feeds']}")
    os.rename(rig.path("gone"), rig.path("password"))
    rig.relay.send_signal(signal.SIGHUP)
    rig.until_logged("feed=f2 connected")
    rig.say(EVENTS, rig.event(2, seq=2))
    rig.until("the answer", 5, lambda: len(rig.answers()) == 3)
    require(rig.feed()["missing"] == 0 and rig.log().count("feed=f1 connected") == 1, rig.log())


class Offload:
    """TLS before the broker that puts what it says in half a second into one record, as a proxy may."""

    def __init__(self, rig):
        self.rig, self.ca = rig, rig.path("ca.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", rig.path("key.pem"), "-out", self.ca], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, rig.path("key.pem"))
        self.server = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True, do_handshake_on_connect=False)
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            threading.Thread(target=self.carry, args=(self.server.accept()[0],), daemon=True).start()

    def carry(self, client):
        broker = socket.create_connection(("127.0.0.1", self.rig.broker_port))
        try:
            client.do_handshake()
            client.setblocking(False)
            broker.setblocking(False)
            said, since = b"", 0
            while True:
                select.select([client, broker], [], [], 0.05)
                try:
                    while data := client.recv(65536):
                        broker.sendall(data)
                    return
                except ssl.SSLWantReadError:
                    pass
                try:
                    data = broker.recv(65536)
                    if not data:
                        return
                    since = since if said else time.monotonic()
                    said += data
                except BlockingIOError:
                    pass
                if said and time.monotonic() - since > 0.5:
                    client.sendall(said)
                    said = b""
        except OSError:
            pass
        finally:
            client.close()
            broker.close()


def one_record(rig):
    """Events that come in one TLS record with CONNACK cannot be acknowledged one by one: a slow feed takes them at once."""
    rig.broker_start()
    tls = Offload(rig)
    rig.receipts = rig.subscribe("tocsin/v1/receipts/#")
    rig.configure(feeds=[{"id": "f1", "type": "bank", "areas": ["61"], "rate": "1/s"}], chats=[rig.file_chat()],
                  broker={"host": "127.0.0.1", "port": tls.port, "tls": {"ca": tls.ca}})
    rig.relay_start()
    rig.until("its subscription", 10, lambda: "RC:16" not in rig.say(EVENTS, rig.event("first")))
    rig.until("the first receipt", 10, lambda: len(rig.answers()) == 1)
    rig.relay_stop()
    for n in range(20):
        rig.push(rig.event(n, text="今天天气好").decode())
    rig.relay_start()
    rig.until("another receipt", 10, lambda: len(rig.answers()) > 1)
    rig.until("all receipts", 4, lambda: len(rig.answers()) == 21)
    require([a["status"] for a in rig.answers()] == ["accepted"] * 21, f"{rig.answers()}")


class Gate(Wire):
    """Lets each session through but the one that the relay publishes by, until it is opened."""

    def __init__(self, broker_port):
        self.open = threading.Event()
        super().__init__(broker_port)

    def _pass(self, source, sink, keep):
        if keep and b".out" in source.recv(65536, socket.MSG_PEEK):
            self.open.wait(60)
        super()._pass(source, sink, keep)


def receipts_wait(rig):
    """What is accepted while the session of the receipts is not there yet has its receipt when it is, without being sent again."""
    rig.broker_start()
    gate = Gate(rig.broker_port)
    rig.receipts = rig.subscribe("tocsin/v1/receipts/#")
    rig.configure(chats=[rig.file_chat()], broker={"host": "127.0.0.1", "port": gate.port})
    rig.relay_start()
    for n in range(3):
        rig.until("the subscription", 10, lambda: "RC:16" not in rig.say(EVENTS, rig.event(n)))
    rig.until("the events", 5, lambda: rig.feed()["accepted"] == 3)
    require(not rig.answers() and not rig.status()["broker"], "the gate is not shut")
    gate.open.set()
    rig.until("the receipts", 10, lambda: sorted(a["event_id"] for a in rig.answers()) == ["b0", "b1", "b2"])
    require(all(a["status"] == "accepted" for a in rig.answers()), f"{rig.answers()}")


def main():
    parts = {p.__name__: p for p in (mistakes, not_heard, ahead, flood, clocks_apart, clock_hours_ahead, clock_behind, not_trusted, forgotten, removed, not_opened, one_record, receipts_wait)}
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--standin", required=True)
    parser.add_argument("--pack", required=True)
    parser.add_argument("part", nargs="*", help=", ".join(parts))
    args = parser.parse_args()
    for name in args.part or parts:
        with Feeds("feeds", args.tocsin, args.standin, args.pack) as rig:
            parts[name](rig)
        print(f"{name}: all as it should be")


if __name__ == "__main__":
    main()
