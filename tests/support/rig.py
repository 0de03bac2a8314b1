"""The bench on which the whole relay is tried: a real broker, stand-ins for the targets, feeds that keep their receipts.

  with Rig("fault", tocsin, standin, pack) as rig:
      rig.broker_start(); rig.standin_start(); rig.listen()
      rig.configure(); rig.relay_start()
      rig.publish(20); rig.until_accepted(); rig.until(...)

Every process is a child of this one, listens on 127.0.0.1 only, and is ended by its own handle.
"""
import base64
import glob
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone, timedelta

FRAUD = "请把钱转账到安全账户核查"
ZONE = timezone(timedelta(hours=8))
IN_ZONE = {"timezone": "Asia/Shanghai"}  # for the relay's options, where a test looks at hours and days
# A group that hears everything at once, however much.
EVERYTHING = {"red_possible": "at_once", "orange": "at_once", "yellow": "at_once", "blue": "at_once", "a_day": 0, "a_rule": 0}
SKIP = 77  # ctest's SKIP_RETURN_CODE


class Failed(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def slowness():
    """How much longer things may take here than on a machine that does nothing else."""
    return max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


def wait_for(what, seconds, test):
    """The first true value of test(); fails after so many seconds of a machine that does nothing else."""
    seconds = round(seconds * slowness(), 1)
    end = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        value = test()
        if value:
            return value
        now = time.monotonic()
        if now > end:
            raise Failed(f"gave up after {seconds} s waiting for {what}")
        time.sleep(max(0.02, now - began))  # a look that costs much leaves the processor to what is looked at


def require(condition, what):
    if not condition:
        raise Failed(what)


def skip(why):
    print(f"skipped: {why}", flush=True)
    sys.exit(SKIP)


def short_id(delivery):
    return base64.b32encode(hashlib.sha256(delivery.encode()).digest()).decode()[:5]


def stamp(at=None):
    return (at or datetime.now(ZONE)).isoformat(timespec="milliseconds")


def json_lines(path):
    """One object a line, as a file target or a journal has it; a line that is being written is not there yet."""
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n") and line.strip()]
    except FileNotFoundError:
        return []


def faketime(clock, wall_only=False):
    """The environment of a program that takes its time from the file `clock`, see set_clock; skips without the library.
    wall_only: the clock that only goes on stays the machine's."""
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not library:
        skip("libfaketime is not installed; packaging/setup test")
    env = {"LD_PRELOAD": library[0], "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1", "TZ": "Asia/Shanghai",
           # The asan preset's runtime wants to be first, and works when it is not.
           "ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))}
    if wall_only:
        env.update({"DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    return env


def set_clock(clock, time):
    """time: seconds that it is ahead of the machine's, or a date at which it stands."""
    with open(clock + ".new", "w") as f:
        f.write(time.astimezone(ZONE).strftime("%Y-%m-%d %H:%M:%S\n") if isinstance(time, datetime) else f"{time:+d}\n")
    os.rename(clock + ".new", clock)


class Control(http.client.HTTPConnection):
    """To a relay, as its command line speaks to it."""

    def __init__(self, path):
        super().__init__("relay", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


class Lines:
    """A child whose standard output is collected line by line."""

    def __init__(self, argv):
        self.lines = []
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))


class Wire:
    """Passes bytes between a client and the broker, and keeps the types of the MQTT packets that the client sent."""

    PUBACK = 4

    def __init__(self, broker_port):
        self.broker_port = broker_port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.types = []
        threading.Thread(target=self._serve, daemon=True).start()

    def pubacks(self):
        return self.types.count(self.PUBACK)

    def _serve(self):
        while True:
            client = self.server.accept()[0]
            try:
                broker = socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._pass, args=(client, broker, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(broker, client, False), daemon=True).start()

    def _pass(self, source, sink, keep):
        pending = b""
        try:
            while data := source.recv(65536):
                if keep:
                    pending = self._packets(pending + data)
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _packets(self, data):
        """Takes whole packets off the front: a type, a length of one to four bytes, and so many bytes."""
        while len(data) >= 2:
            length = at = 0
            while at < 4:
                if at + 1 >= len(data):
                    return data
                length |= (data[at + 1] & 127) << (7 * at)
                at += 1
                if not data[at] & 128:
                    break
            if len(data) < 1 + at + length:
                return data
            self.types.append(data[0] >> 4)
            data = data[1 + at + length:]
        return data


class Rig:
    def __init__(self, name, tocsin, standin, pack):
        self.name = name
        self.tocsin, self.standin_program, self.pack = (os.path.abspath(p) for p in (tocsin, standin, pack))
        self.temporary = tempfile.TemporaryDirectory(prefix=f"tocsin-{name}-")
        self.folder = self.temporary.name
        self.state = self.path("state")
        self.broker_port, self.web_port, self.http_port = free_port(), free_port(), free_port()
        self.sent = {}       # event id -> (feed, line)
        self.accepted = {}   # event id -> alert id, "" when its receipt names none
        self.seen_receipts = 0
        self.children = []
        self.mounts = []
        self.pushers = {}
        self.broker = self.relay = self.receipts = self.speakers = self.said_by_relay = None

    # -- life ------------------------------------------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind and os.path.exists(self.path("relay.log")):
            with open(self.path("relay.log"), errors="replace") as log:
                sys.stderr.write(f"{self.name}: the relay's last words:\n" + "".join(log.readlines()[-25:]))
        if not kind and self.said_by_relay:
            try:
                self.as_the_schemas_say()
            except Failed as failed:
                kind, value = Failed, failed
        self.stop()
        if kind and issubclass(kind, Failed):
            raise SystemExit(f"{self.name}: {value}")

    def stop(self):
        for child in [self.relay, *self.pushers.values(), *reversed(self.children)]:
            if child and child.poll() is None:
                child.send_signal(signal.SIGCONT)  # one that is stopped would not end
                child.kill()
                child.wait()
        for where in reversed(self.mounts):
            if subprocess.run(["umount", where], stderr=subprocess.DEVNULL, check=False).returncode != 0:
                subprocess.run(["umount", "-l", where], check=False)  # a failed test may still have a file open in it
        self.temporary.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def spawn(self, argv, **more):
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        self.children.append(child)
        return child

    def until(self, what, seconds, test):
        """Like wait_for, and the relay must live meanwhile."""
        def alive():
            self.must_live()
            return test()
        return wait_for(what, seconds, alive)

    def must_live(self):
        if self.relay and self.relay.poll() is not None:
            raise Failed(f"the relay ended by itself with {self.relay.returncode}")

    # -- broker and stand-ins --------------------------------------------------------------------------------------

    def broker_start(self):
        with open(self.path("mosquitto.conf"), "w") as f:
            f.write(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n")
        self.broker = self.spawn(["mosquitto", "-c", self.path("mosquitto.conf")])
        wait_for("the broker", 10, lambda: answers(self.broker_port))

    def standin_start(self, name="chat", port=None, rate=-1, script=None, delay=0):
        """A stand-in for WeCom that writes what it received into NAME.jsonl and answers after `delay` milliseconds."""
        port = port or self.web_port
        argv = [self.standin_program, "--port", str(port), "--rate", str(rate), "--journal", self.path(f"{name}.jsonl"),
                "--delay-ms", str(delay), "--quiet"]
        child = self.spawn(argv + (["--script", script] if script else []))
        wait_for("the stand-in", 10, lambda: answers(port))
        return child

    def wire_start(self):
        """Puts a wire between relay and broker that keeps what each says; the relay's configuration is changed to it."""
        wire = Wire(self.broker_port)
        with open(self.path("tocsin.yaml")) as f:
            config = json.load(f)
        config["broker"]["port"] = wire.port
        with open(self.path("tocsin.yaml"), "w") as f:
            json.dump(config, f, ensure_ascii=False, indent=1)
        return wire

    def subscribe(self, topic):
        lines = Lines(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", "1", "-v",
                       "-t", topic])
        self.children.append(lines.child)
        return lines

    def as_the_schemas_say(self):
        """What the relay sent so far, the first hundred of each kind, against packaging/doc/schema."""
        try:
            import jsonschema
        except ImportError:
            return
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging", "doc", "schema")
        checked = {}
        for line in list(self.said_by_relay.lines):
            topic, _, payload = line.partition(" ")
            parts = topic.split("/")[2:]
            name = {"receipts": "receipt", "relay": "state"}.get(parts[0], parts[-1])
            if not payload or (parts[0], name) not in {("receipts", "receipt"), ("relay", "state"), ("pa", "announce"),
                                                       ("pa", "bulletin"), ("displays", "board")}:
                continue
            if name not in checked:
                with open(os.path.join(folder, f"{name}.schema.json"), encoding="utf-8") as f:
                    checked[name] = [jsonschema.Draft202012Validator(json.load(f)), 0]
            checked[name][1] += 1
            if checked[name][1] > 100:
                continue
            for error in checked[name][0].iter_errors(json.loads(payload)):
                raise Failed(f"{topic}: {'/'.join(map(str, error.absolute_path))}: {error.message}: {payload[:300]}")

    def listen(self):
        self.said_by_relay = self.subscribe("tocsin/v1/#")
        self.receipts = self.subscribe("tocsin/v1/receipts/#")
        self.speakers = self.subscribe("tocsin/v1/pa/+/+/announce")

    def device_says(self, topic, message):
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", "1",
                        "-t", f"tocsin/v1/{topic}", "-m", json.dumps(message)], check=True)

    # -- the relay -------------------------------------------------------------------------------------------------

    def configure(self, chats=None, sites=None, feeds=None, route=None, receivers=None, relay=None, broker=None,
                  limits=None):
        """Every part has a default that tells everybody everything at once."""
        members = {"id": self.name, "state_dir": self.state, "issuer": "测试", "help": "服务台", "announce_per_day": 10000,
                   **(relay or {})}
        config = {
            "relay": members,
            "broker": {"host": "127.0.0.1", "port": self.broker_port, **(broker or {})},
            "http": {"listen": [f"127.0.0.1:{self.http_port}"]},
            "rules": {"packs": [self.pack]},
            "feeds": feeds or [{"id": "f1", "type": "bank", "areas": ["61"], "rate": "100000/s"}],
            "sites": sites if sites is not None else [self.site()],
            "chats": chats if chats is not None else [self.file_chat(), self.wecom_chat()],
            "route": route or {"receiver": "everyone", "group_by": ["rule", "area6"]},
            "receivers": receivers or [{"name": "everyone", "pa": ["announce"], "displays": [], "chats": "all"}],
            "limits": limits or {},
        }
        with open(self.path("tocsin.yaml"), "w") as f:
            json.dump(config, f, ensure_ascii=False, indent=1)  # YAML holds JSON
        os.makedirs(self.state, exist_ok=True)

    def site(self, **more):
        return {"id": "s1", "name": "医院", "area": "61", "zones": [{"id": "hall", "class": "hall"}], "wards": [], **more}

    def file_chat(self, name="log", **more):
        return {"id": name, "type": "file", "audience": "public", "path": self.path(f"{name}.jsonl"),
                "quiet": [], "rate": "100/s", **more}

    def wecom_chat(self, name="group", port=None, **more):
        url = f"http://127.0.0.1:{port or self.web_port}/cgi-bin/webhook/send?key={name}"
        return {"id": name, "type": "wecom", "audience": "public", "url": url, "allow_insecure": True, "quiet": [],
                "rate": "100/s", "pace": EVERYTHING, **more}

    def command(self, *words):
        return [self.tocsin, *words, "-c", self.path("tocsin.yaml")]

    def relay_start(self, env=None, before=(), wait=True):
        """`before`: words in front of the command, such as faketime's."""
        log = open(self.path("relay.log"), "a")
        with log:
            self.relay = subprocess.Popen([*before, *self.command("run")], stderr=log,
                                          env=dict(os.environ, TOCSIN_LANG="en", **(env or {})))
        if wait:
            self.until("the relay's pages", 10, self.turns)

    def turns(self):
        """It answers, not only listens."""
        try:
            return self.page("/healthz")
        except OSError:
            return None

    def relay_refused(self):
        """Starts a relay that must refuse to run: what it said."""
        done = subprocess.run(self.command("run"), capture_output=True, text=True, timeout=20,
                              env=dict(os.environ, TOCSIN_LANG="en"))
        require(done.returncode == 1, f"a relay that must refuse to start ended with {done.returncode}: {done.stderr}")
        return done.stderr

    def relay_kill(self):
        if self.relay.poll() not in (None, -signal.SIGKILL):
            raise Failed(f"the relay ended by itself with {self.relay.returncode}")
        self.relay.kill()
        self.relay.wait()

    def relay_stop(self):
        self.relay.terminate()
        require(self.relay.wait(10) == 0, f"the relay stopped with {self.relay.returncode}")
        self.relay = None

    def log(self):
        with open(self.path("relay.log"), errors="replace") as f:
            return f.read()

    def until_logged(self, text, seconds=5):
        self.until(f"`{text}` in the log", seconds, lambda: text in self.log())

    def ask(self, *words):
        """A verb of the command line with --json: what it prints, read."""
        done = subprocess.run(self.command(*words, "--json"), capture_output=True, text=True, timeout=20,
                              env=dict(os.environ, TOCSIN_LANG="en"))
        good = (0, 1) if words[0] == "status" else (0,)  # 1: the relay runs, and not all is well
        require(done.returncode in good and done.stdout, f"tocsin {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def status(self):
        return self.ask("status")

    def deliveries(self, **like):
        rows = self.ask("deliveries", "list", "--limit", "2000")
        return [d for d in rows if all(d.get(k) == v for k, v in like.items())]

    def page(self, path):
        """(status, body) of a page, as a probe sees it."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    # -- feeds -----------------------------------------------------------------------------------------------------

    def push(self, line, feed="f1"):
        pusher = self.pushers.get(feed)
        if not pusher or pusher.poll() is not None:
            pusher = subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", "1",
                                       "-l", "-t", f"tocsin/v1/feeds/{feed}/events"], stdin=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL)
            self.pushers[feed] = pusher
        try:
            pusher.stdin.write(line.encode() + b"\n")
            pusher.stdin.flush()
        except BrokenPipeError:
            pass  # the broker is away: the event is sent again, because it has no receipt

    def publish(self, n=1, feed="f1", area=None, count=5, **more):
        """Events of areas of their own (00 would be a whole prefecture), so that each makes an alert of its own; count 5
        is five times the threshold, so that it is spoken."""
        ids = []
        for _ in range(n):
            number = len(self.sent)
            event = {"event_id": f"e{number}", "sent_at": stamp(), "kind": "call", "count": count, "text": FRAUD,
                     "area": area or f"61{number // 99 % 90 + 10}{number % 99 + 1:02d}", **more}
            self.sent[event["event_id"]] = (feed, json.dumps(event, ensure_ascii=False))
            ids.append(event["event_id"])
            self.push(self.sent[event["event_id"]][1], feed)
        return ids

    def read_receipts(self):
        lines = self.receipts.lines
        while self.seen_receipts < len(lines):
            payload = lines[self.seen_receipts].partition(" ")[2]
            self.seen_receipts += 1
            for r in json.loads(payload)["results"]:
                if r["status"] == "rejected":
                    raise Failed(f"a good event was rejected: {r}")
                alert = (r.get("alerts") or [""])[0]
                before = self.accepted.setdefault(r["event_id"], alert)
                if before != alert:
                    raise Failed(f"{r['event_id']} was accepted for {before} and for {alert}")

    def resend(self):
        self.read_receipts()
        for event_id, (feed, line) in self.sent.items():
            if event_id not in self.accepted:
                self.push(line, feed)

    def until_accepted(self, seconds=10, again=1.0):
        """Until every event has its receipt; those without are sent again, as a feed does."""
        last = time.monotonic()

        def all_receipts():
            nonlocal last
            if time.monotonic() - last > again:
                last = time.monotonic()
                self.resend()
            self.read_receipts()
            return len(self.accepted) == len(self.sent)
        self.until("the receipts", seconds, all_receipts)
        for event_id, alert in self.accepted.items():
            require(alert, f"{event_id} was accepted without an alert")

    # -- the targets' own records ----------------------------------------------------------------------------------

    def lines_of(self, name):
        """What a file target, or a stand-in's journal, has: one object a whole line."""
        return json_lines(self.path(f"{name}.jsonl"))

    def said(self):
        return "".join(m["content"] for m in self.lines_of("chat"))

    def spoken(self):
        return [json.loads(line.partition(" ")[2]) for line in list(self.speakers.lines)]
