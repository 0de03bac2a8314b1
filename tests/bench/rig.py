"""What the benches of the whole relay share: a broker, the relay on a configuration, CPU seconds of a process."""
import argparse
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, seconds, test, every=0.02):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(every)
    raise SystemExit(f"bench: gave up after {seconds} s waiting for {what}")


def get(port, path, tls=False, timeout=10):
    """A page of this machine; over TLS its certificate, the bench's own, is not looked at."""
    scheme, context = ("https", ssl._create_unverified_context()) if tls else ("http", None)
    with urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}{path}", timeout=timeout, context=context) as answer:
        return answer.read().decode()


@contextmanager
def bench(about, programs, cases=(), **numbers):
    """A bench's arguments (paths of programs and packs, some of its cases, numbers that have a usual value, --json), and a rig
    for it."""
    parser = argparse.ArgumentParser(description=about)
    for name in programs.split():
        parser.add_argument("--" + name, required=True)
    for name, usual in numbers.items():
        parser.add_argument("--" + name, type=int, default=usual)
    if cases:
        parser.add_argument("--case", choices=cases, action="append")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"  # mosquitto
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        rig = Rig(folder, getattr(args, "tocsin", "tocsin"))
        try:
            yield args, rig
        finally:
            rig.close()


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


class Rig:
    def __init__(self, folder, tocsin):
        self.folder, self.tocsin = folder, os.path.abspath(tocsin)
        self.port, self.http = free_port(), free_port()
        self.socket = os.path.join(folder, "mqtt.sock")
        self.tls = False  # of the relay's pages
        self.children = []
        os.chmod(folder, 0o777)  # a broker started as root gives its rights away before it makes its socket
        with open(self.path("mosquitto.conf"), "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nlistener 0 {self.socket}\nallow_anonymous true\nmax_queued_messages 5000000\n"
                    "max_inflight_messages 1000\nset_tcp_nodelay true\nsys_interval 0\n")
        self.start(["mosquitto", "-c", self.path("mosquitto.conf")])
        wait_for("the broker", 10, lambda: os.path.exists(self.socket) and socket.socket().connect_ex(("127.0.0.1", self.port)) == 0)

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, argv, **more):
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=open(self.path("log"), "a"), **more)
        self.children.append(child)
        return child

    def relay(self, config):
        with open(self.path("tocsin.yaml"), "w", encoding="utf-8") as f:
            f.write(config)
        child = self.start([self.tocsin, "run", "-c", self.path("tocsin.yaml")])
        try:
            wait_for("the relay", 20, lambda: child.poll() is not None or self.ready())
            if child.poll() is not None:
                raise SystemExit("bench: the relay did not start")
        except SystemExit:
            with open(self.path("log")) as log:
                sys.stderr.write("".join(log.readlines()[-20:]))
            raise
        return child

    def ready(self):
        try:
            return json.loads(get(self.http, "/readyz", self.tls, 2))["ready"]
        except OSError:
            return False

    def metric(self, name):
        for line in get(self.http, "/metrics", self.tls).splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        raise SystemExit(f"bench: the relay has no metric {name}")

    @staticmethod
    def end(child):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def close(self):
        for child in reversed(self.children):
            self.end(child)
