#!/usr/bin/env python3
"""RTP as it arrives: ffmpeg joins the groups, decodes every codec, and what it heard is laid beside what was played.

With --zones N also N zones at once, whose packets are timed as they arrive.
usage: rtp.py --player PROGRAM --source DIR [--zones N]
"""
import argparse
import array
import glob
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
import wave

# Name, codec with its options, as SDP says it, payload type.
CODECS = [("pcma", "pcma", "PCMA/8000", 8), ("pcmu", "pcmu", "PCMU/8000", 0), ("g722", "g722", "G722/8000", 9),
          ("l16", "l16", "L16/44100", 11), ("l16-wide", "l16, rate: 16000", "L16/16000", 96),
          ("pcma-long", "pcma, packet: 60, payload_type: 101", "PCMA/8000", 101)]
IP_RECVTTL = 12  # Linux; Python has no name for it
TEXT = "防骗提醒。电话是骗子打的，不要转账。拿不准，先问护士。"


def free_udp_port():
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            if s.getsockname()[1] % 2 == 0:  # RTP likes even ones
                return s.getsockname()[1]


def expect(what, condition):
    if not condition:
        raise SystemExit(f"not so: {what}")
    print(f"ok {what}", flush=True)


def envelope(path):
    """Loudness in steps of 100 ms, whatever the rate."""
    with wave.open(path) as w:
        rate, channels = w.getframerate(), w.getnchannels()
        samples = array.array("h", w.readframes(w.getnframes()))[::channels]
    step = rate // 10
    return [sum(abs(x) for x in samples[i:i + step]) / step for i in range(0, len(samples) - step, step)]


def likeness(a, b):
    """The best correlation of two envelopes when one may begin up to a second earlier."""
    best = 0
    for shift in range(-10, 11):
        x, y = (a[shift:], b) if shift >= 0 else (a, b[-shift:])
        n = min(len(x), len(y))
        if n < 20:
            continue
        mx, my = sum(x[:n]) / n, sum(y[:n]) / n
        top = sum((p - mx) * (q - my) for p, q in zip(x[:n], y[:n]))
        low = (sum((p - mx) ** 2 for p in x[:n]) * sum((q - my) ** 2 for q in y[:n])) ** 0.5
        best = max(best, top / low if low else 0)
    return best


class Player:
    def __init__(self, args, folder, zones, outputs, more=""):
        self.args, self.folder = args, folder
        with open(os.path.join(folder, "pa.yaml"), "w", encoding="utf-8") as f:
            f.write(f"player: {{site: rtp-1, state_dir: state, mode: trial, log_level: warning}}\n"
                    f"broker: {{port: 1}}\n"
                    f"speech: {{lexicon: [{args.source}/adapters/pa/player/data/lexicon.tsv]}}\n"
                    f"{more}zones:\n" + "\n".join(zones) + "\noutputs:\n" + "\n".join(outputs) + "\n")
        self.child = subprocess.Popen([args.player, "run", "--config", f"{folder}/pa.yaml"],
                                      stderr=open(f"{folder}/player.log", "w"))
        end = time.monotonic() + 10
        while self.cli("status")[0] != 0:
            if time.monotonic() > end:
                raise SystemExit(open(f"{folder}/player.log").read())
            time.sleep(0.05)

    def cli(self, *words):
        done = subprocess.run([self.args.player, *words, "--config", f"{self.folder}/pa.yaml"], capture_output=True, text=True)
        return done.returncode, done.stdout

    def rows(self, zone=None, state=None):
        """What the log says of a person's words, the newest first."""
        return [r for r in json.loads(self.cli("log", "--json")[1])
                if r["kind"] == "say" and zone in (None, r["zone"]) and state in (None, r["state"])]

    def until(self, zone, state, seconds=25):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.rows(zone, state)
            if found:
                return found[0]
            time.sleep(0.05)
        raise SystemExit(f"{zone} never came to {state}: {self.rows(zone)}\n" + open(f"{self.folder}/player.log").read()[-3000:])

    def stop(self):
        self.child.terminate()
        self.child.wait(10)


def codecs(args):
    with tempfile.TemporaryDirectory(prefix="pa_rtp.") as folder:
        outputs, zones, ears = [], [], []
        for i, (codec, options, name, kind) in enumerate(CODECS):
            group, port = f"239.77.{os.getpid() % 250}.{i + 1}", free_udp_port()
            outputs.append(f"  - {{id: {codec}, type: rtp, address: {group}, port: {port}, codec: {options}, interface: 127.0.0.1, ttl: 1}}")
            outputs.append(f"  - {{id: {codec}-file, type: file, dir: {codec}}}")
            zones.append(f"  - {{id: {codec}, class: hall, quiet: [none], outputs: [{codec}, {codec}-file]}}")
            with open(f"{folder}/{codec}.sdp", "w") as f:
                f.write(f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=page\nc=IN IP4 {group}/1\nt=0 0\nm=audio {port} RTP/AVP {kind}\n"
                        f"a=rtpmap:{kind} {name}\n")
            ears.append(subprocess.Popen(
                ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-protocol_whitelist", "file,udp,rtp", "-localaddr", "127.0.0.1",
                 "-i", f"{folder}/{codec}.sdp", "-ac", "1", "-ar", "16000", "-flush_packets", "1", "-f", "s16le", f"{folder}/{codec}.raw"],
                stderr=open(f"{folder}/{codec}.err", "w")))
        player = Player(args, folder, zones, outputs)
        try:
            time.sleep(1.5)  # ffmpeg opens its sockets
            code, _ = player.cli("say", "all", TEXT, "--by", "test")
            expect(f"{len(CODECS)} zones speak", code == 0)
            end = time.monotonic() + 30
            while len(player.rows(state="played")) < len(CODECS) and time.monotonic() < end:
                time.sleep(0.2)
            played = player.rows(state="played")
            expect("each was played to its end", len(played) == len(CODECS))
            length = played[0]["length_ms"] / 1000
            time.sleep(0.5)
            for ear in ears:  # a live stream has no end that ffmpeg could wait for
                ear.kill()
                ear.wait()
            for codec, _, _, _ in CODECS:
                sent, heard = glob.glob(f"{folder}/{codec}/*.wav")[0], f"{folder}/{codec}.wav"
                errors = open(f"{folder}/{codec}.err").read().strip()[:200]
                expect(f"ffmpeg decoded {codec} {errors}", os.path.exists(f"{folder}/{codec}.raw"))
                subprocess.run(["sox", "-r", "16000", "-c", "1", "-b", "16", "-e", "signed", f"{folder}/{codec}.raw", heard], check=True)
                seconds = float(subprocess.run(["soxi", "-D", heard], capture_output=True, text=True, check=True).stdout)
                like = likeness(envelope(sent), envelope(heard))
                expect(f"{codec}: {seconds:.2f} s heard of {length:.2f} s sent", abs(seconds - length) < 0.25)
                expect(f"{codec}: what was heard is what was sent ({like:.4f})", like > 0.99)
            # A stop is heard at once.
            player.cli("say", "pcma", TEXT, "--by", "test")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                address, port = outputs[0].split("address: ")[1].split(",")[0], int(outputs[0].split("port: ")[1].split(",")[0])
                s.bind((address, port))
                s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                             struct.pack("=4s4s", socket.inet_aton(address), socket.inet_aton("127.0.0.1")))
                s.settimeout(5)
                packet = s.recv(2048)
                expect("a packet is version 2, A-law, 160 samples", packet[0] == 0x80 and packet[1] & 0x7F == 8 and len(packet) == 172)
                began = time.monotonic()
                player.cli("stop", "pcma", "--by", "test")
                last = began
                s.settimeout(0.5)
                try:
                    while True:
                        s.recv(2048)
                        last = time.monotonic()
                except TimeoutError:
                    pass
                expect(f"the last packet came {1000 * (last - began):.0f} ms after the word stop", last - began < 0.2)
        finally:
            player.stop()
            for ear in ears:
                if ear.poll() is None:
                    ear.kill()


def options(args):
    """What the options of an output do to the packets, by the kernel's own word."""
    cases = [("plain", "239.78.{pid}.1", "interface: 127.0.0.1", {"ttl": 4, "tos": 46 << 2, "kind": 8, "size": 172, "step": 160}),
             ("marked", "239.78.{pid}.2", "interface: 127.0.0.1, ttl: 9, dscp: 10", {"ttl": 9, "tos": 10 << 2, "kind": 8, "size": 172, "step": 160}),
             ("wide", "239.78.{pid}.3", "interface: 127.0.0.1, codec: g722, packet: 10", {"kind": 9, "size": 92, "step": 80}),
             ("raw", "239.78.{pid}.4", "interface: 127.0.0.1, codec: l16, rate: 8000, payload_type: 100, dscp: 0",
              {"tos": 0, "kind": 100, "size": 332, "step": 160}),
             ("one", "127.0.0.1", "codec: pcmu, dscp: 34", {"tos": 34 << 2, "kind": 0, "size": 172, "step": 160})]
    with tempfile.TemporaryDirectory(prefix="pa_rtp.") as folder:
        outputs, zones, sockets = [], [], []
        for name, address, more, _ in cases:
            address = address.replace("{pid}", str(os.getpid() % 250))
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((address, 0))
            s.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            s.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            s.settimeout(5)
            if address.startswith("239"):  # only what leaves by the loopback card arrives
                s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                             struct.pack("=4s4s", socket.inet_aton(address), socket.inet_aton("127.0.0.1")))
            sockets.append(s)
            outputs.append(f"  - {{id: {name}, type: rtp, address: {address}, port: {s.getsockname()[1]}, {more}}}")
            zones.append(f"  - {{id: {name}, class: hall, quiet: [none], outputs: [{name}]}}")
        player = Player(args, folder, zones, outputs)
        try:
            player.cli("say", "all", TEXT, "--by", "test")
            for s, (name, _, _, wanted) in zip(sockets, cases):
                first, extra, _, _ = s.recvmsg(4096, 128)
                second = s.recv(4096)
                marks = {kind: int.from_bytes(data[:4], "little") for _, kind, data in extra}
                seen = {"ttl": marks[socket.IP_TTL], "tos": marks[socket.IP_TOS] & 0xFF, "kind": first[1] & 0x7F, "size": len(first),
                        "step": (int.from_bytes(second[4:8], "big") - int.from_bytes(first[4:8], "big")) & 0xFFFFFFFF}
                for what, value in wanted.items():
                    expect(f"{name}: {what} {seen[what]}", seen[what] == value)
                expect(f"{name}: the first packet is marked, the second follows it", first[1] & 0x80 and not second[1] & 0x80 and
                       second[2:4] == ((int.from_bytes(first[2:4], "big") + 1) % 65536).to_bytes(2, "big"))
        finally:
            player.stop()


def many(args):
    """N zones at once: when does each packet arrive, beside when it should?"""
    with tempfile.TemporaryDirectory(prefix="pa_rtp.") as folder:
        sockets, outputs, zones = [], [], []
        for i in range(args.zones):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("127.0.0.1", 0))
            # The kernel notes when each packet came, so that our own slowness does not count.
            s.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            s.setblocking(False)
            sockets.append(s)
            outputs.append(f"  - {{id: z{i}, type: rtp, address: 127.0.0.1, port: {s.getsockname()[1]}}}")
            zones.append(f"  - {{id: z{i}, class: hall, quiet: [none], outputs: [z{i}]}}")
        player = Player(args, folder, zones, outputs)
        arrived = [[] for _ in sockets]
        try:
            player.cli("say", "z0", TEXT, "--by", "warm")
            while not player.rows(state="played"):
                time.sleep(0.2)
            for s in sockets:
                while select.select([s], [], [], 0)[0]:
                    s.recv(2048)
            player.cli("say", "all", TEXT, "--by", "test")
            index = {s.fileno(): i for i, s in enumerate(sockets)}
            poll = select.epoll()
            for s in sockets:
                poll.register(s.fileno(), select.EPOLLIN)
            quiet_since = time.monotonic()
            while time.monotonic() - quiet_since < 1.5:
                for fd, _ in poll.poll(0.2):
                    i = index[fd]
                    try:
                        while True:
                            data, extra, _, _ = sockets[i].recvmsg(2048, 64)
                            sec, nsec = struct.unpack("qq", extra[0][2][:16])
                            arrived[i].append((struct.unpack("!H", data[2:4])[0], sec + nsec / 1e9))
                            quiet_since = time.monotonic()
                    except BlockingIOError:
                        pass
        finally:
            player.stop()
        late, total, worst, lost = 0, 0, 0.0, 0
        for packets in arrived:
            first_seq, first_at = packets[0]
            total += len(packets)
            lost += (packets[-1][0] - first_seq) % 65536 + 1 - len(packets)
            # Lateness against the stream's own grid, whose beginning is the packet that was least late.
            offsets = [at - ((seq - first_seq) % 65536) * 0.020 for seq, at in packets]
            zero = min(offsets)
            for o in offsets:
                worst = max(worst, o - zero)
                late += o - zero > 0.010
        share = 100 * late / total
        print(f"{args.zones} zones, {total} packets: {late} ({share:.2f} %) later than 10 ms, worst {1000 * worst:.1f} ms, {lost} lost")
        expect(f"{args.zones} zones at once: less than 1 % late", share < 1 and lost == 0 and all(arrived))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--zones", type=int, default=0)
    args = parser.parse_args()
    for program in ("ffmpeg", "sox", "espeak-ng"):
        if subprocess.run(["which", program], capture_output=True).returncode != 0:
            print(f"skipped: {program} is not installed")
            sys.exit(77)
    if args.zones:
        many(args)
    else:
        codecs(args)
        options(args)


if __name__ == "__main__":
    main()
