"""Loudspeakers: how late the first packet of an hour's slot is, and how long an announcement takes from its publish to its
first packet, with speech that is in the cache. Beside a program that only sends a packet at that instant, or for that message.

The player's wall clock is set to shortly before one hour after another (libfaketime); the packets are stamped by the kernel.
"""
import glob
import http.client
import json
import os
import select
import socket
import struct
import subprocess
import time
from datetime import datetime, timedelta, timezone

from rig import bench, wait_for

HERE = timezone(timedelta(hours=8))
SAID = "防骗提醒。电话是骗子打的，不要转账。"
AIM_START, AIM_ANNOUNCE = 50, 150  # ms


class Ears:
    """UDP ports, and when the first packet came to each since they were last cleared."""

    def __init__(self, n):
        self.sockets, self.poll, self.first = [], select.epoll(), {}
        for i in range(n):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("127.0.0.1", 0))
            s.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            s.setblocking(False)
            self.poll.register(s.fileno(), select.EPOLLIN)
            self.sockets.append(s)
        self.by_fd = {s.fileno(): i for i, s in enumerate(self.sockets)}

    def ports(self):
        return [s.getsockname()[1] for s in self.sockets]

    def read(self, seconds):
        got = False
        for fd, _ in self.poll.poll(seconds):
            i = self.by_fd[fd]
            try:
                while True:
                    _, extra, _, _ = self.sockets[i].recvmsg(2048, 64)
                    sec, nsec = struct.unpack("qq", extra[0][2][:16])
                    self.first.setdefault(i, sec * 10**9 + nsec)
                    got = True
            except BlockingIOError:
                pass
        return got

    def clear(self):
        """After a silence, so that what comes next is a beginning."""
        while self.read(0.06):
            pass
        self.first = {}

    def wait(self, n, seconds):
        end = time.monotonic() + seconds
        while len(self.first) < n and time.monotonic() < end:
            self.read(0.02)
        return len(self.first) >= n


class Player:
    def __init__(self, rig, program, source, ports):
        self.rig = rig
        self.zones = [f"z{i}" for i in range(len(ports))]
        zones = "\n".join(f"  - {{id: {z}, class: hall, quiet: [none], slots: ['00:00-23:00'], no_rhyme: true, seconds_an_hour: 3600, "
                          f"outputs: [{z}]}}" for z in self.zones)
        outputs = "\n".join(f"  - {{id: {z}, type: rtp, address: 127.0.0.1, port: {p}}}" for z, p in zip(self.zones, ports))
        reminders = "\n".join(f"  - {{id: r{i}, text: 请看管好您的随身物品{'。' * (i + 1)}}}" for i in range(6))
        with open(rig.path("pa.yaml"), "w", encoding="utf-8") as f:
            f.write(f"player: {{site: s1, state_dir: pa, mode: trial, log_level: warning}}\nbroker: {{port: {rig.port}}}\n"
                    f"speech: {{lexicon: [{source}/adapters/pa/player/data/lexicon.tsv], engine: [espeak-ng, -v, cmn-latn-pinyin, "
                    f"-s, '450', --stdin, --stdout]}}\nschedule: {{times_a_day: 24}}\n"
                    f"reminders:\n{reminders}\nzones:\n{zones}\noutputs:\n{outputs}\n")
        library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not library:
            raise SystemExit("bench: libfaketime is not installed; packaging/setup bench")
        self.offset = 0
        self.set_clock(datetime(2026, 11, 23, 6, 30, tzinfo=HERE))
        env = dict(os.environ, LD_PRELOAD=library[0], FAKETIME_TIMESTAMP_FILE=rig.path("clock"), FAKETIME_NO_CACHE="1",
                   FAKETIME_DONT_FAKE_MONOTONIC="1", TZ="Asia/Shanghai")
        rig.start([program, "run", "--config", rig.path("pa.yaml")], env=env)
        wait_for("the player", 20, lambda: self.ask("GET", "/v1/status"))

    def set_clock(self, to):
        """The next turn sees it. Whole milliseconds, so that we know what was set."""
        self.offset = round((to.timestamp() - time.time()) * 1000) / 1000
        with open(self.rig.path("clock.new"), "w") as f:
            f.write(f"{self.offset:+.3f}s\n")
        os.rename(self.rig.path("clock.new"), self.rig.path("clock"))

    def real_ns(self, fake):
        return round((fake.timestamp() - self.offset) * 1000) * 10**6

    def ask(self, method, path, body=None):
        c = http.client.HTTPConnection("localhost", timeout=10)
        c.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            c.sock.connect(self.rig.path("pa/control.sock"))
            c.request(method, path, json.dumps(body) if body else None)
            answer = c.getresponse()
            return json.loads(answer.read()) if answer.status == 200 else None
        except OSError:
            return None
        finally:
            c.close()

    def silent(self):
        s = self.ask("GET", "/v1/status")
        return s and not any(z.get("playing") or z["waiting"] for z in s["zones"])

    def hush(self):
        self.ask("POST", "/v1/stop", {"where": "all", "by": "bench"})
        wait_for("silence", 10, self.silent, 0.01)


def late_ms(ears, due_ns):
    return [(at - due_ns) / 1e6 for at in ears.first.values()]


def starts(player, ears, timer, rounds):
    """Ours and the timer's, in turns."""
    ours, bare = [], []
    hour = datetime(2026, 11, 23, 7, 0, tzinfo=HERE)
    for _ in range(rounds):
        ears.clear()
        player.set_clock(hour - timedelta(milliseconds=1500))
        if not ears.wait(len(player.zones), 6):
            raise SystemExit(f"bench: {len(ears.first)} of {len(player.zones)} zones began at {hour}: "
                             + str(player.ask("GET", "/v1/log?hours=1"))[:2000])
        ours += late_ms(ears, player.real_ns(hour))
        player.hush()
        ears.clear()
        due = time.time_ns() + 200 * 10**6
        timer.stdin.write(f"{due}\n".encode())
        timer.stdin.flush()
        ears.wait(len(player.zones), 2)
        bare += late_ms(ears, due)
        hour += timedelta(hours=1)
    return ours, bare


def announcements(player, ears, pusher, bare_pusher, n):
    ours, bare = [], []
    for i in range(n + 1):
        zone = player.zones[i % len(player.zones)]
        now = datetime.now(timezone.utc)
        stamp = now.isoformat(timespec="milliseconds")
        line = json.dumps({"id": f"b-{i}.1/pa:s1/{zone}", "alert": f"b-{i}", "rev": 1, "status": "Actual", "level": "red", "now": stamp,
                           "expires": (now + timedelta(hours=1)).isoformat(timespec="milliseconds"), "text": SAID, "repeat": 1},
                          ensure_ascii=False).encode() + b"\n"
        ears.clear()
        begun = time.time_ns()
        pusher[i % len(player.zones)].stdin.write(line)
        pusher[i % len(player.zones)].stdin.flush()
        if not ears.wait(1, 5):
            raise SystemExit("bench: an announcement was not heard")
        if i:  # the first is not in the cache
            ours += late_ms(ears, begun)
        player.hush()
        ears.clear()
        begun = time.time_ns()
        bare_pusher.stdin.write(line)
        bare_pusher.stdin.flush()
        ears.wait(len(player.zones), 2)
        if i:
            bare.append(min(late_ms(ears, begun)))
    return ours, bare


def at(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main():
    with bench(__doc__, "player bare source", zones=16, rounds=20, announcements=200) as (args, rig):
        ears = Ears(args.zones)
        player = Player(rig, os.path.abspath(args.player), args.source, ears.ports())

        def push(topic):
            child = subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(rig.port), "-V", "5", "-q", "1", "-l", "-t", topic],
                                     stdin=subprocess.PIPE)
            rig.children.append(child)
            return child

        bare = subprocess.Popen([os.path.abspath(args.bare), str(rig.port), "bare", *map(str, ears.ports())], stdin=subprocess.PIPE)
        rig.children.append(bare)
        pushers, bare_pusher = [push(f"tocsin/v1/pa/s1/{z}/announce") for z in player.zones], push("bare")
        time.sleep(1)
        slots = starts(player, ears, bare, args.rounds)
        calls = announcements(player, ears, pushers, bare_pusher, args.announcements)
    rows = [("start at the hour", "p50", 0.5, slots, AIM_START), ("start at the hour", "p99", 0.99, slots, AIM_START),
            ("announce to first packet", "p50", 0.5, calls, AIM_ANNOUNCE), ("announce to first packet", "p99", 0.99, calls, AIM_ANNOUNCE)]
    if not args.json:
        print(f"pa: {args.zones} zones by RTP; {len(slots[0])} starts, {len(calls[0])} announcements; beside a bare timer or subscriber (ms)")
        print(f"  {'':28}{'ours':>9}{'bare':>9}{'ratio':>8}{'aim':>7}")
    for name, word, share, (ours, reference), aim in rows:
        o, r = at(ours, share), at(reference, share)
        if args.json:
            print(json.dumps({"bench": "pa", "case": f"{name}, {word}, {args.zones} zones", "ours": round(o, 2), "reference": round(r, 3),
                              "ratio": round(o / r, 1), "unit": "ms", "aim": aim}))
        else:
            print(f"  {name + ', ' + word:28}{o:9.2f}{r:9.3f}{o / r:8.1f}{aim:7}")


if __name__ == "__main__":
    main()
