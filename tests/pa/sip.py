#!/usr/bin/env python3
"""Pages by SIP against sipp, whose scenarios answer as telephones and gateways do, and against baresip.

Without --with: calls by the helper program alone, one a scenario, all at the same time.
--with player: tocsin-pa with such outputs: what is tried again, what is not, and what stands beside a healthy output.
--with baresip: another program's telephone answers by itself and the sound is compared.
--with tls: the same telephone by TLS, its sound encrypted or not; and others whose certificates are not what they should be.
usage: sip.py --player PROGRAM --source DIR [--with player|baresip|tls]
"""
import argparse
import glob
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rtp import Player, envelope, expect, free_udp_port, likeness  # noqa: E402

SECRET = "correct horse"
HEAD = """      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]SIPpTag01[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:[local_ip]:[local_port];transport=[transport]>
"""


def sdp(port, formats="8", lines="a=rtpmap:8 PCMA/8000"):
    return (f"      v=0\n      o=horn 1 1 IN IP4 127.0.0.1\n      s=-\n      c=IN IP4 127.0.0.1\n      t=0 0\n"
            f"      m=audio {port} RTP/AVP {formats}\n      {lines}\n")


def reply(status, body="", more=""):
    kind = "      Content-Type: application/sdp\n" if body else ""
    return (f"  <send><![CDATA[\n\n      SIP/2.0 {status}\n{HEAD}{more}{kind}      Content-Length: [len]\n\n{body}\n    ]]></send>\n")


def request(method, more=""):
    """A request of the answering side, in the dialog of the call."""
    return (f"  <send retrans=\"500\"><![CDATA[\n\n      {method} sip:tocsin@[remote_ip]:[remote_port] SIP/2.0\n"
            f"      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
            f"      From: <sip:horn@[local_ip]:[local_port]>;tag=[pid]SIPpTag01[call_number]\n      To[$caller]\n"
            f"      [last_Call-ID:]\n      CSeq: 7 {method}\n      Max-Forwards: 70\n{more}      Content-Length: 0\n\n    ]]></send>\n")


def take(method, more=""):
    return f"  <recv request=\"{method}\"{more}/>\n"


def wait(ms):
    return f"  <pause milliseconds=\"{ms}\"/>\n"


# The caller's From becomes the To of our own requests; the headers that make telephones answer are looked for.
INVITE = """  <recv request="INVITE"><action>
    <ereg regexp=".*" search_in="hdr" header="From" assign_to="caller"/>
  </action></recv>
"""
ASKS = """  <recv request="INVITE"><action>
    <ereg regexp="answer-after=0" search_in="hdr" header="Call-Info:" check_it="true" assign_to="a"/>
    <ereg regexp="info=alert-autoanswer" search_in="hdr" header="Alert-Info:" check_it="true" assign_to="b"/>
    <ereg regexp="Auto" search_in="hdr" header="Answer-Mode:" check_it="true" assign_to="c"/>
    <ereg regexp="m=audio [0-9]+ RTP/AVP 8 0 9" search_in="body" check_it="true" assign_to="d"/>
  </action></recv>
  <Reference variables="a,b,c,d"/>
"""
OPTIONS = """  <recv request="INVITE"><action>
    <ereg regexp="^INVITE sip:701@10.255.255.1 " search_in="msg" check_it="true" assign_to="a"/>
    <ereg regexp="Warnings. &lt;sip:page@pbx.example&gt;" search_in="hdr" header="From:" check_it="true" assign_to="b"/>
    <ereg regexp="Ring-Answer" search_in="hdr" header="Alert-Info:" check_it="true" assign_to="c"/>
    <ereg regexp="&lt;sip:127.0.0.1:[0-9]+;lr&gt;" search_in="hdr" header="Route:" check_it="true" assign_to="d"/>
    <ereg regexp="c=IN IP4 127.0.0.1" search_in="body" check_it="true" assign_to="e"/>
  </action></recv>
  <Reference variables="a,b,c,d,e"/>
"""
CHALLENGE = "      WWW-Authenticate: Digest realm=\"horn\", nonce=\"4711aabb\", algorithm=MD5, qop=\"auth\"\n"
VERIFY = """  <recv request="INVITE"><action>
    <verifyauth assign_to="known" username="page" password="correct horse"/>
  </action></recv>
  <nop next="good" test="known"/>
"""
GOODBYE = take("BYE") + reply("200 OK")


def scenarios(port):
    """Name, what the other side does, options of ours, exit code, words, and a bound of seconds."""
    good = sdp(port)
    return [
        ("answers", ASKS + reply("180 Ringing") + wait(300) + reply("200 OK", good) + take("ACK") + GOODBYE, [], 0, "", 9),
        ("answers-at-once", INVITE + reply("200 OK", sdp(port + 2)) + take("ACK") + GOODBYE, ["--no-auto-answer"], 0, "", 9),
        ("by-the-proxy", OPTIONS + reply("200 OK", sdp(port + 18)) + take("ACK") + GOODBYE,
         ["--from", "sip:page@pbx.example", "--name", "Warnings", "--alert-info", "Ring-Answer", "--local", "127.0.0.1", "--dscp", "10"], 0, "", 9),
        ("over-tcp", INVITE + reply("200 OK", sdp(port + 20)) + take("ACK") + GOODBYE, [], 0, "", 9),
        ("early-media", INVITE + reply("183 Session Progress", sdp(port + 4, "0", "a=rtpmap:0 PCMU/8000")) + wait(800) + reply("200 OK") +
         take("ACK") + GOODBYE, [], 0, "", 9),
        ("wide-band", INVITE + reply("200 OK", sdp(port + 6, "9", "a=rtpmap:9 G722/8000")) + take("ACK") + GOODBYE, ["--codecs", "g722,pcma"],
         0, "", 9),
        ("right-password", INVITE + reply("401 Unauthorized", more=CHALLENGE) + take("ACK") + VERIFY + reply("403 Forbidden") + take("ACK") +
         "  <label id=\"good\"/>\n" + reply("200 OK", sdp(port + 8)) + take("ACK") + GOODBYE, ["--user", "page", "--password-file", "password"],
         0, "", 9),
        ("wrong-password", INVITE + reply("401 Unauthorized", more=CHALLENGE) + take("ACK") + take("INVITE") +
         reply("401 Unauthorized", more=CHALLENGE.replace("4711", "4712")) + take("ACK") +
         "  <recv request=\"INVITE\" optional=\"true\" timeout=\"500\"/>\n", ["--user", "page", "--password-file", "wrong"], 16, "", 5),
        ("no-password", INVITE + reply("407 Proxy Authentication Required", more=CHALLENGE.replace("WWW-Authenticate", "Proxy-Authenticate")) + take("ACK"), [], 16, "", 5),
        ("busy", INVITE + reply("486 Busy Here") + take("ACK"), [], 12, "486 Busy Here", 3),
        ("declined", INVITE + reply("603 Decline") + take("ACK"), [], 14, "603 Decline", 3),
        ("nobody", INVITE + reply("404 Not Found") + take("ACK"), [], 15, "", 3),
        ("no-codec", INVITE + reply("488 Not Acceptable Here") + take("ACK"), [], 17, "", 3),
        ("other-codec", INVITE + reply("200 OK", sdp(port + 10, "18", "a=rtpmap:18 G729/8000")) + take("ACK") + GOODBYE, [], 17, "", 4),
        ("fault", INVITE + reply("500 Server Internal Error") + take("ACK"), [], 13, "500", 3),
        ("rings-for-ever", INVITE + reply("180 Ringing") + take("CANCEL") + reply("200 OK") +
         reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: 1 INVITE") + "", ["--answer-within", "1s"], 11, "no answer", 5),
        ("hangs-up", INVITE + reply("200 OK", sdp(port + 12)) + take("ACK") + wait(500) + request("BYE") + "  <recv response=\"200\"/>\n",
         [], 18, "hung up", 4),
        ("is-taken", INVITE + reply("200 OK", sdp(port + 14)) + take("ACK") + wait(500) +
         request("BYE", "      Reason: preemption ;cause=2 ;text=\"Reserved Resources Preempted\"\n") + "  <recv response=\"200\"/>\n",
         [], 19, "hung up", 4),
        ("falls-silent", INVITE + reply("200 OK", sdp(port + 16)) + take("ACK") + wait(100), [], 20, "hanging up", 9),
    ]


class Sipp:
    def __init__(self, folder, name, steps, calls=1):
        self.name, self.port = name, free_udp_port()
        path = f"{folder}/{name}.xml"
        unused = "  <Reference variables=\"caller\"/>\n" if "assign_to=\"caller\"" in steps and "[$caller]" not in steps else ""
        with open(path, "w") as f:
            f.write(f"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n<scenario name=\"{name}\">\n"
                    f"{steps}{unused}</scenario>\n")
        self.log = f"{folder}/{name}.messages"
        self.child = subprocess.Popen(
            ["sipp", "-sf", path, "-i", "127.0.0.1", "-p", str(self.port), "-m", str(calls), "-nostdin", "-trace_msg", "-message_file", self.log,
             "-trace_err", "-error_file", f"{folder}/{name}.errors", "-t", "t1" if name == "over-tcp" else "u1"], cwd=folder, stdout=open(f"{folder}/{name}.out", "w"), stderr=subprocess.STDOUT)
        end = time.monotonic() + 5
        wanted, kind = (f"0100007F:{self.port:04X} 00000000:0000 0A", "tcp") if name == "over-tcp" else (f"0100007F:{self.port:04X} ", "udp")
        while time.monotonic() < end and wanted not in open(f"/proc/net/{kind}").read():
            time.sleep(0.02)

    def messages(self):
        return open(self.log, errors="replace").read() if os.path.exists(self.log) else ""

    def count(self, method):
        """Requests that came, repeats left out."""
        return len(set(re.findall(rf"message received.*?\n\n{method} .*?\r?\nVia: [^\n]*branch=([^;\s]+)", self.messages(), re.S)))

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


class Call(threading.Thread):
    """The helper program, timed."""
    def __init__(self, words, folder):
        super().__init__(daemon=True)
        self.began, self.took, self.said = time.monotonic(), 0, ""
        self.child = subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True)
        self.start()

    def run(self):
        _, self.said = self.child.communicate()
        self.took = time.monotonic() - self.began


def speech(folder):
    wav = f"{folder}/speech.wav"
    subprocess.run(["espeak-ng", "-v", "cmn-latn-pinyin", "-w", wav, "fang2 zha4 ti2 xing3. bu2 yao4 zhuan3 zhang4. xian1 wen4 hu4 shi4."], check=True)
    return wav


def hear(folder, name, port, codec):
    """ffmpeg as the ear of a call."""
    with open(f"{folder}/{name}.sdp", "w") as f:
        kind, rtpmap = {"PCMA": (8, "PCMA/8000"), "PCMU": (0, "PCMU/8000"), "G722": (9, "G722/8000")}[codec]
        f.write(f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=page\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP {kind}\na=rtpmap:{kind} {rtpmap}\n")
    return subprocess.Popen(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-protocol_whitelist", "file,udp,rtp", "-i", f"{folder}/{name}.sdp",
                             "-ac", "1", "-ar", "16000", "-flush_packets", "1", "-f", "s16le", f"{folder}/{name}.raw"],
                            stderr=open(f"{folder}/{name}.err", "w"))


class Timed:
    """An ear that only notes when each packet of RTP came, by the kernel's clock."""
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        self.socket.setblocking(False)

    def tos(self):
        return next(data[0] for level, kind, data in self.socket.recvmsg(2048, 128)[1] if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS))

    def check(self):
        came, self.first_tos = [], self.tos()
        try:
            while True:
                data, extra, _, _ = self.socket.recvmsg(2048, 128)
                sec, nsec = struct.unpack("qq", next(data for level, kind, data in extra if (level, kind) == (socket.SOL_SOCKET, 35))[:16])
                came.append((struct.unpack("!H", data[2:4])[0], sec + nsec / 1e9))
        except BlockingIOError:
            pass
        offsets = [at - ((seq - came[0][0]) % 65536) * 0.020 for seq, at in came]
        late = [o - min(offsets) for o in offsets]
        share = 100 * len([x for x in late if x > 0.010]) / len(late)
        expect(f"a call's {len(late)} packets: {share:.1f} % later than 10 ms, worst {1000 * max(late):.1f} ms, none lost",
               share < 1 and len(came) == (came[-1][0] - came[0][0]) % 65536 + 1)


def same_sound(folder, name, wav):
    subprocess.run(["sox", "-r", "16000", "-c", "1", "-b", "16", "-e", "signed", f"{folder}/{name}.raw", f"{folder}/{name}.wav"], check=True)
    like = likeness(envelope(wav), envelope(f"{folder}/{name}.wav"))
    expect(f"{name}: what was heard is what was sent ({like:.4f})", like > 0.98)


def calls(args):
    helper = os.path.join(os.path.dirname(args.player), "tocsin-pa-sip")
    with tempfile.TemporaryDirectory(prefix="pa_sip.") as folder:
        wav = speech(folder)
        for name, secret in (("password", SECRET), ("wrong", "guess")):
            with open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                f.write(secret + "\n")
        port = free_udp_port()
        ears = {name: hear(folder, name, port + offset, codec) for name, offset, codec in
                (("answers", 0, "PCMA"), ("early-media", 4, "PCMU"), ("wide-band", 6, "G722"))}
        timed, marked = Timed(port + 2), Timed(port + 18)
        table = scenarios(port)
        peers = [Sipp(folder, name, steps) for name, steps, *_ in table]
        time.sleep(1)  # ffmpeg opens its sockets
        table.append(("dead", "", ["--connect-within", "1s"], 10, "not a word", 2))
        peers.append(None)
        running = []
        for (name, _, options, *_), peer in zip(table, peers):
            at = f"127.0.0.1:{peer.port if peer else free_udp_port()}"
            to = {"by-the-proxy": ["--to", "sip:701@10.255.255.1", "--proxy", f"sip:{at}"], "over-tcp": ["--to", f"sip:horn@{at};transport=tcp"]}
            running.append(Call([helper, *to.get(name, ["--to", f"sip:horn@{at}"]), "--wav", wav, *options], folder))
        try:
            for (name, _, _, code, words, seconds), peer, call in zip(table, peers, running):
                call.join(20)
                if call.child.returncode != code and peer:
                    print(peer.messages()[-3000:], open(f"{folder}/{name}.out").read()[-2000:])
                expect(f"{name}: exit {call.child.returncode} after {call.took:.1f} s ({call.said.strip()})",
                       call.child.returncode == code and words in call.said and call.took < seconds)
            for (name, *_), peer in zip(table, peers):
                if not peer or name in ("wrong-password", "falls-silent"):
                    continue
                peer.child.wait(10)
                errors = open(f"{folder}/{name}.errors", errors="replace").read()[-600:] if os.path.exists(f"{folder}/{name}.errors") else ""
                expect(f"{name}: sipp saw what it waited for {errors}", peer.child.returncode == 0)
            for ear in ears.values():
                ear.kill()
                ear.wait()
            timed.check()
            expect("a call's packets are marked as told, or for expedited forwarding", marked.tos() == 10 << 2 and timed.first_tos == 46 << 2)
            for name in ears:
                same_sound(folder, name, wav)
        finally:
            for child in [*(call.child for call in running), *ears.values()]:
                if child.poll() is None:
                    child.kill()
            for peer in peers:
                if peer:
                    peer.stop()


def with_player(args):
    """What tocsin-pa makes of it: tried again or not, and what plays beside it."""
    with tempfile.TemporaryDirectory(prefix="pa_sip.") as folder:
        port = free_udp_port()
        answer = reply("200 OK", sdp(port)) + take("ACK")
        busy = INVITE + reply("486 Busy Here") + take("ACK")
        # sipp begins anew with each call; what a second call meets is told by the number of the call.
        twice = ("  <recv request=\"INVITE\"/>\n  <nop><action><assignstr assign_to=\"n\" value=\"[call_number]\"/>"
                 "<strcmp assign_to=\"d\" variable=\"n\" value=\"1\"/><test assign_to=\"later\" variable=\"d\" compare=\"greater_than\" value=\"0\"/>"
                 "</action></nop>\n  <nop next=\"later\" test=\"later\"/>\n" + reply("486 Busy Here") + take("ACK") +
                 "  <nop next=\"end\"/>\n  <label id=\"later\"/>\n" + answer + GOODBYE + "  <label id=\"end\"/>\n")
        peers = {"busy-once": Sipp(folder, "busy-once", twice, 2),
                 "declines": Sipp(folder, "declines", INVITE + reply("603 Decline") + take("ACK"), 5),
                 "beside": Sipp(folder, "beside", busy, 9),
                 "stopped": Sipp(folder, "stopped", INVITE + answer + take("BYE") + reply("200 OK"), 1),
                 "taken": Sipp(folder, "taken", INVITE + answer + wait(700) +
                               request("BYE", "      Reason: preemption ;cause=1\n") + "  <recv response=\"200\"/>\n", 1)}
        outputs = [f"  - {{id: {name}, type: sip, uri: 'sip:horn@127.0.0.1:{peer.port}', connect_within: 1s}}" for name, peer in peers.items()]
        outputs += [*(f"  - {{id: {name}, type: sip, uri: 'sip:horn@127.0.0.1:{free_udp_port()}', connect_within: 1s}}" for name in ("dead", "gone")),
                    "  - {id: drop, type: file, dir: drop}", f"  - {{id: horn, type: rtp, address: 127.0.0.1, port: {free_udp_port()}}}"]
        zones = [f"  - {{id: {name}, class: hall, quiet: [none], outputs: [{name}]}}" for name in ("busy-once", "declines", "stopped", "taken")]
        zones += ["  - {id: both, class: hall, quiet: [none], outputs: [beside, dead, horn]}",
                  "  - {id: none, class: hall, quiet: [none], outputs: [gone]}", "  - {id: alone, class: hall, quiet: [none], outputs: [drop]}"]
        player = Player(args, folder, zones, outputs, "schedule: {grace: 8s}\n")

        def until(zone, state):
            return player.until(zone, state).get("detail", "")

        try:
            expect("seven zones speak", player.cli("say", "all", "防骗提醒。电话是骗子打的，不要转账。", "--by", "test")[0] == 0)
            end = time.monotonic() + 5
            while not peers["stopped"].count("ACK") and time.monotonic() < end:
                time.sleep(0.05)
            expect("a call stands", peers["stopped"].count("ACK") == 1)
            began = time.monotonic()
            player.cli("stop", "stopped", "--by", "test")
            until("stopped", "skipped")
            while not peers["stopped"].count("BYE") and time.monotonic() < began + 3:
                time.sleep(0.02)
            took = time.monotonic() - began
            expect(f"a stop hangs up within {took:.2f} s", took < 1 and peers["stopped"].count("BYE") == 1)
            until("alone", "played")
            detail = until("both", "played")
            expect(f"a dead and a busy telephone beside a loudspeaker: played, with their fate told ({detail})",
                   "dead: " in detail and "beside: " in detail and "486" in detail)
            expect("… and they were tried again while it played", peers["beside"].count("INVITE") >= 2)
            detail = until("declines", "failed")
            expect(f"who declines is not called again ({detail})", peers["declines"].count("INVITE") == 1 and "603" in detail)
            until("busy-once", "played")
            expect("who was busy is called again", peers["busy-once"].count("INVITE") == 2)
            until("taken", "preempted")
            expect("a line taken for something graver is not a fault", not player.rows("taken", "failed"))
            detail = until("none", "failed")
            tries = len(player.rows("none", "playing"))
            expect(f"a dead telephone alone is tried {tries} times within the grace, then it has failed ({detail})", tries >= 2)
        finally:
            player.stop()
            for peer in peers.values():
                peer.stop()


class Baresip:
    """A telephone that nobody here wrote: it answers by itself, and writes down what it heard."""
    def __init__(self, folder, account="", config="", modules=()):
        found = subprocess.run(["dpkg", "-L", "baresip-core"], capture_output=True, text=True).stdout.split()
        places = [path for path in found if path.endswith("/modules")]
        if not places:
            print("skipped: the modules of baresip are not found")
            sys.exit(77)
        self.folder, self.port = folder, free_udp_port()
        with open(f"{folder}/config", "w") as f:
            # Sound from and to nowhere, but at its own pace; what is decoded is written down.
            f.write(f"sip_listen 127.0.0.1:{self.port}\nnet_interface 127.0.0.1\nmodule_path {places[0]}\n" +
                    "".join(f"module {name}.so\n" for name in ("g711", "g722", "sndfile", "aubridge", *modules, "account", "menu")) +
                    "audio_player aubridge,nowhere\naudio_source aubridge,nowhere\naudio_alert aubridge,nowhere\n"
                    f"audio_buffer 20-160\nsnd_path {folder}\n{config}")
        with open(f"{folder}/accounts", "w") as f:
            f.write(f"<sip:horn@127.0.0.1:{self.port}{account}\n")
        open(f"{folder}/contacts", "w").close()
        self.child = subprocess.Popen(["baresip", "-f", folder], stdin=subprocess.DEVNULL, stdout=open(f"{folder}/baresip.log", "w"),
                                      stderr=subprocess.STDOUT)

    def __enter__(self):
        end = time.monotonic() + 10
        while "baresip is ready" not in self.log():
            if time.monotonic() > end or self.child.poll() is not None:
                raise SystemExit(self.log())
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(10)

    def log(self):
        return open(f"{self.folder}/baresip.log", errors="replace").read()

    def takes(self, what, helper, wav, options, to=None):
        call = Call([helper, "--to", to or f"sip:horn@127.0.0.1:{self.port}", "--wav", wav, *options], self.folder)
        call.join(20)
        if call.child.returncode:
            print(self.log()[-2000:])
        expect(f"baresip took a page {what}: exit {call.child.returncode} ({call.said.strip()})", call.child.returncode == 0)
        time.sleep(1.1)  # its files are named by the second
        heard = sorted(glob.glob(f"{self.folder}/dump-*-dec.wav"))[-1]
        like = likeness(envelope(wav), envelope(heard))
        expect(f"baresip heard {what} what was sent ({like:.4f})", like > 0.97)


def with_baresip(args):
    helper = os.path.join(os.path.dirname(args.player), "tocsin-pa-sip")
    with tempfile.TemporaryDirectory(prefix="pa_sip.") as folder:
        wav = speech(folder)
        with Baresip(folder, ">;regint=0;answermode=auto") as peer:
            for codec in ("pcma", "pcmu", "g722"):
                peer.takes(f"in {codec}", helper, wav, ["--codecs", codec])


def certificates(folder):
    """A hospital's own authority, a stranger's, and what they sign: name -> (certificate, key)."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    for ca in ("house", "stranger"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{ca}.key", "-out", f"{ca}.pem",
                "-subj", f"/CN={ca} authority", "-days", "30")
    for name, ca, names, days in (("good", "house", "IP:127.0.0.1,DNS:pbx.example", "30"), ("forged", "stranger", "IP:127.0.0.1", "30"),
                                  ("other", "house", "DNS:other.example", "30"), ("old", "house", "IP:127.0.0.1", "-1")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        with open(f"{folder}/{name}.ext", "w") as f:
            f.write(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-out", f"{name}.pem",
                "-days", days, "-extfile", f"{name}.ext")
        with open(f"{folder}/{name}.both.pem", "w") as f:
            f.write(open(f"{folder}/{name}.pem").read() + open(f"{folder}/{name}.key").read())


class Wrong(threading.Thread):
    """Takes TLS connections with a certificate, and keeps what was said to it; plain: speaks no TLS at all."""
    def __init__(self, folder, name, plain=False):
        super().__init__(daemon=True)
        self.context = None if plain else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.context:
            self.context.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.heard = b""
        self.start()

    def run(self):
        while True:
            client = self.server.accept()[0]
            client.settimeout(5)
            try:
                if self.context:
                    client = self.context.wrap_socket(client, server_side=True)
                while data := client.recv(4096):
                    self.heard += data
            except OSError:
                pass
            client.close()


def with_tls(args):
    helper = os.path.join(os.path.dirname(args.player), "tocsin-pa-sip")
    with tempfile.TemporaryDirectory(prefix="pa_sip.") as folder:
        wav, house = speech(folder), f"{folder}/house.pem"
        certificates(folder)
        for what, account, modules, options in (("by TLS", "", (), []), ("by TLS, encrypted", ";mediaenc=srtp-mand", ("srtp",), ["--srtp"])):
            home = f"{folder}/{'sealed' if modules else 'open'}"
            os.mkdir(home)
            with Baresip(home, f";transport=tls>;regint=0;answermode=auto{account}", f"sip_certificate {folder}/good.both.pem\n", modules) as peer:
                to = f"sip:horn@127.0.0.1:{peer.port + 1};transport=tls"
                peer.takes(what, helper, wav, ["--tls-ca", house, *options], to)
                if not modules:
                    call = Call([helper, "--to", to, "--tls-ca", house, "--srtp", "--wav", wav], folder)
                    call.join(20)
                    expect(f"who cannot encrypt the sound hears nothing: exit {call.child.returncode} ({call.said.strip()})", call.child.returncode == 17)
        cases = [("forged", [], 22, "issuer"), ("other", [], 22, "it is not for 127.0.0.1"), ("old", [], 22, "expired"),
                 ("good", ["--tls-name", "pbx.example", "--connect-within", "2s"], 10, ""),  # trusted, but no telephone
                 ("good", ["--tls-name", "elsewhere.example"], 22, "it is not for elsewhere.example"), ("plain", ["--connect-within", "2s"], None, "")]
        for name, options, code, words in cases:
            server = Wrong(folder, name, name == "plain")
            call = Call([helper, "--to", f"sip:horn@127.0.0.1:{server.port};transport=tls", "--tls-ca", house, "--wav", wav, *options], folder)
            call.join(20)
            ended = call.child.returncode == code if code else call.child.returncode in (10, 13)
            expect(f"{name} {' '.join(options)}: exit {call.child.returncode} ({call.said.strip()})", ended and words in call.said)
            said = b"INVITE" in server.heard
            expect("… and the call was " + ("made" if code == 10 else "not even asked for"), said == (code == 10))
        # What the player makes of it: refused, so not tried again, and told.
        server = Wrong(folder, "forged")
        player = Player(args, folder, ["  - {id: hall, class: hall, quiet: [none], outputs: [horn]}"],
                        [f"  - {{id: horn, type: sip, uri: 'sip:horn@127.0.0.1:{server.port};transport=tls', tls_ca: {house}, srtp: true}}"])
        try:
            player.cli("say", "hall", "防骗提醒。", "--by", "test")
            detail = player.until("hall", "failed").get("detail", "")
            expect(f"the player says why ({detail})", "(unable to get local issuer certificate)" in detail and len(player.rows("hall", "playing")) == 1)
        finally:
            player.stop()
        written = open(f"{folder}/pa.yaml", encoding="utf-8").read()
        for right, wrong, words in ((";transport=tls'", "'", "srtp: only where uri ends in ;transport=tls"),
                                    (f"tls_ca: {house}", f"tls_ca: {folder}/gone.pem", "gone.pem: there is no such file"),
                                    ("'sip:horn", "'sips:horn", f"write sip:horn@127.0.0.1:{server.port};transport=tls")):
            with open(f"{folder}/wrong.yaml", "w", encoding="utf-8") as f:
                f.write(written.replace(right, wrong))
            done = subprocess.run([args.player, "check", "--config", f"{folder}/wrong.yaml"], capture_output=True, text=True,
                                  env=dict(os.environ, TOCSIN_LANG="en"))
            expect(f"check refuses it: {words}", done.returncode == 1 and words in done.stdout + done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--with", dest="part", choices=["calls", "player", "baresip", "tls"], default="calls")
    args = parser.parse_args()
    wanted = ["espeak-ng", "sox", "ffmpeg", *({"baresip": ["baresip"], "tls": ["baresip", "openssl"]}.get(args.part, ["sipp"]))]
    for program in wanted:
        if not shutil.which(program):
            print(f"skipped: {program} is not installed")
            sys.exit(77)
    {"calls": calls, "player": with_player, "baresip": with_baresip, "tls": with_tls}[args.part](args)


if __name__ == "__main__":
    main()
