"""What fanout, faults and storm share: a province of chats and screens, a stand-in for their service, and who else posts."""
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request

from rig import cpu_seconds, free_port, get, wait_for

PROGRAMS = "tocsin server screens bare pack"
IN_FLIGHT = 512  # limits.http, for everybody
FRAUD = "请把钱转账到安全账户核查"


def many_files():
    """Ten thousand connections need as many descriptors in everything that is started from here."""
    wanted = 20000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted, hard))


def rss_mib(pid, name="VmRSS"):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name + ":")) / 1024


class Server:
    """The chats' service. certificate: a (certificate, key) pair for TLS."""

    def __init__(self, program, delay_ms, certificate=None, *more):
        words = ["--cert", certificate[0], "--key", certificate[1]] if certificate else []
        self.tls = certificate is not None
        self.child = subprocess.Popen([program, "--delay", str(delay_ms), *words, *more], stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline())
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}/cgi-bin/webhook/send?key=g"

    def stats(self):
        return json.loads(get(self.port, "/stats", self.tls))

    def times(self):
        return {int(n): int(us) for n, us, _ in (line.split() for line in get(self.port, "/times", self.tls).splitlines())}

    def counts(self):
        """How many messages each chat has had."""
        return {int(n): int(many) for n, _, many in (line.split() for line in get(self.port, "/times", self.tls).splitlines())}

    def reset(self):
        get(self.port, "/reset", self.tls)

    def until(self, requests, seconds=60):
        wait_for(f"{requests} posts", seconds, lambda: self.stats()["answered"] >= requests, 0.01)
        return self.stats()

    def close(self):
        self.child.kill()
        self.child.wait()


def certificate(folder):
    cert, key = os.path.join(folder, "server.pem"), os.path.join(folder, "server.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True,
                   stderr=subprocess.DEVNULL)
    return cert, key


def config(rig, pack, url, chats, wards, tls=None, more_feeds=()):
    """Chats g0, g1 … on one service, with the limits that volunteers' groups have, and wards in hospitals of fifty. tls: the
    (certificate, key) of the service, which is that of the relay's pages too."""
    members = [{"id": f"g{i}", "type": "wecom", "audience": "volunteer", "url": f"{url}{i}", "allow_insecure": True, "quiet": [],
                **({"ca_file": tls[0]} if tls else {})} for i in range(chats)]
    sites = [{"id": f"s{n}", "name": f"医院{n}", "area": "610113", "zones": [], "wards": [{"id": f"w{i}", "name": f"{i}病区"} for i in range(50)]}
             for n in range(wards // 50)]
    return json.dumps({
        "relay": {"id": "bench", "state_dir": rig.path("state"), "issuer": "测试", "help": "服务台", "log_level": "warning", "wide_sites": 1000},
        "broker": {"host": rig.socket},
        "http": {"listen": [f"127.0.0.1:{rig.http}"], **({"tls": {"cert": tls[0], "key": tls[1]}} if tls else {})},
        "rules": {"packs": [os.path.abspath(pack)]},
        "feeds": [{"id": "f1", "type": "carrier", "areas": ["61"], "rate": "100000/s"}, *more_feeds],
        "sites": sites,
        "chats": members,
        "route": {"receiver": "all", "group_by": ["rule", "area4"]},
        "receivers": [{"name": "all", "pa": [], "displays": ["all"] if wards else [], "chats": ["all"]}],
    }, ensure_ascii=False)


class Relay:
    """A relay in a state of its own, with every screen connected."""

    def __init__(self, rig, args, url, chats, wards, tls=None, **more):
        self.rig, self.args = rig, args
        rig.tls = tls is not None
        shutil.rmtree(rig.path("state"), ignore_errors=True)
        self.child = rig.relay(config(rig, args.pack, url, chats, wards, tls, **more))
        self.screens = None
        if wards:
            lists = subprocess.run([args.tocsin, "wards", "list", "--json", "-c", rig.path("tocsin.yaml")], capture_output=True, text=True,
                                   check=True)
            paths = [stream_path(w) for w in json.loads(lists.stdout)["wards"]]
            self.screens = subprocess.Popen([args.screens, str(rig.http), '"level":"red"', *(["tls"] if tls else [])], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True)
            threading.Thread(target=lambda: (self.screens.stdin.write("\n".join(paths) + "\n"), self.screens.stdin.close()),
                             daemon=True).start()
            if self.screens.stdout.readline() != "ready\n":
                raise SystemExit("bench: the screens did not open")
        wait_for("the feed", 20, lambda: rig.metric('tocsin_feed_up{feed="f1"}') == 1)
        # Boards and bulletins are published once after a connect: that is not what is measured.
        wait_for("an idle relay", 60, lambda: self.idle())
        self.cpu = cpu_seconds(self.child.pid)

    def idle(self):
        before = cpu_seconds(self.child.pid)
        time.sleep(0.3)
        return cpu_seconds(self.child.pid) - before <= 0.02

    def until_sent(self, seconds=60):
        """When every chat's delivery is `sent`, as another process sees it: only what is committed."""
        db = sqlite3.connect(f"file:{self.rig.path('state/tocsin.db')}?mode=ro", uri=True)
        last = "SELECT state = 3 FROM delivery WHERE lane = 1 ORDER BY id DESC LIMIT 1"  # a look that costs next to nothing
        every = "SELECT NOT EXISTS(SELECT 1 FROM delivery WHERE lane = 1 AND state <> 3)"
        wait_for("the outcomes", seconds, lambda: (db.execute(last).fetchone() or [0])[0] and db.execute(every).fetchone()[0], 0.004)
        db.close()
        return time.time_ns() // 1000

    def kill(self):
        """Without a farewell: what is under way is not waited for."""
        self.child.kill()
        self.child.wait()
        self.close()

    def close(self):
        if self.screens:
            self.screens.kill()
            self.screens.wait()
        self.rig.end(self.child)


def stream_path(ward):
    """The stream beside a screen's page: /screen/<site>/<ward>?t=… becomes /screen/<site>/<ward>/events?t=…"""
    path, _, token = ward["address"].partition("?")
    return "/" + path.split("/", 3)[3] + "/events?" + token


class Publisher:
    """mosquitto_pub that is connected before anything is measured."""

    def __init__(self, rig):
        self.child = subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(rig.port), "-V", "5", "-q", "1", "-l", "-t",
                                       "tocsin/v1/feeds/f1/events"], stdin=subprocess.PIPE)
        rig.children.append(self.child)
        time.sleep(0.3)

    def event(self, number, **more):
        from datetime import datetime, timezone
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"event_id": f"e{number}", "sent_at": now, "area": "610113", "kind": "call", "count": 5, "text": FRAUD, **more},
                          ensure_ascii=False).encode() + b"\n"
        begun = time.time_ns() // 1000
        self.child.stdin.write(line)
        self.child.stdin.flush()
        return begun


def bare(args, server, body, count, in_flight, ca=None):
    done = subprocess.run([args.bare, server.url, str(count), str(in_flight), *([ca] if ca else [])], input=body, capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)


def wrk(folder, server, body, seconds, in_flight):
    """Requests a second of wrk; None where it is not installed."""
    program = shutil.which("wrk")
    if not program:
        return None
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as f:
        f.write(f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = {json.dumps(body, ensure_ascii=False)}\n")
    done = subprocess.run([program, "-t1", f"-c{in_flight}", f"-d{seconds}s", "-s", script, server.url + "0"], capture_output=True, text=True,
                          check=True)
    return next(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("Requests/sec"))


class Alertmanager:
    """Debian's prometheus-alertmanager with one webhook a chat; None of it is kept."""

    @staticmethod
    def program():
        return shutil.which("prometheus-alertmanager")

    def __init__(self, folder, server, chats):
        self.port = free_port()
        receivers = [{"name": f"g{i}", "webhook_configs": [{"url": f"{server.url}{i}", "send_resolved": False}]} for i in range(chats)]
        routes = [{"receiver": f"g{i}", "continue": True} for i in range(chats)]
        path = os.path.join(folder, "alertmanager.yaml")
        with open(path, "w") as f:
            json.dump({"route": {"receiver": "g0", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "5m", "routes": routes},
                       "receivers": receivers}, f)
        self.child = subprocess.Popen([self.program(), f"--config.file={path}", f"--storage.path={folder}/am",
                                       f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=", "--log.level=error"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("Alertmanager", 60, self.ready, 0.1)

    def ready(self):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", self.port)):
                return False
        try:
            return "OK" in get(self.port, "/-/ready")
        except OSError:
            return False

    def alert(self):
        body = json.dumps([{"labels": {"alertname": "fraud", "area": "610113"}, "annotations": {"summary": FRAUD * 5}}]).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v2/alerts", body, {"Content-Type": "application/json"})
        begun = time.time_ns() // 1000
        urllib.request.urlopen(request, timeout=10).read()
        return begun

    def close(self):
        self.child.kill()
        self.child.wait()
