#!/usr/bin/env python3
"""Outputs over HTTP against mocks written from what is public about the interfaces: our own, Axis clips, Hikvision two-way
audio, with Digest, Basic and Bearer; and every fault that such a device can have, beside a healthy loudspeaker.

usage: devices.py --player PROGRAM --source DIR
"""
import argparse
import array
import base64
import glob
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rtp import Player, envelope, expect, free_udp_port, likeness  # noqa: E402

USER, SECRET, TOKEN = "page", "correct horse", "tok-4711"
TEXT = "防骗提醒。电话是骗子打的，不要转账。"


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def parse_request(self):
        good = super().parse_request()
        if good:
            self.device = self.server.device
            self.method = self.command
            setattr(self, f"do_{self.command}", self.serve)
        return good

    def digest_is_right(self):
        header = self.headers.get("Authorization", "")
        if not header.startswith("Digest "):
            return False
        f = {k: a or b for k, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header)}
        ha1, ha2 = md5(f"{USER}:{f['realm']}:{SECRET}"), md5(f"{self.command}:{self.path}")
        return f["uri"] == self.path and f["response"] == md5(f"{ha1}:{f['nonce']}:{f['nc']}:{f['cnonce']}:{f['qop']}:{ha2}")

    def allowed(self):
        login = self.device.login
        if login == "digest" and not self.digest_is_right():
            self.body()
            self.answer(401, "", {"WWW-Authenticate": 'Digest realm="device", qop="auth", nonce="n0nce", algorithm=MD5'})
        elif login == "basic" and self.headers.get("Authorization") != "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode():
            self.body()
            self.answer(401, "", {"WWW-Authenticate": 'Basic realm="device"'})
        elif login == "bearer" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.body()
            self.answer(401, "")
        else:
            return True
        return False

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, text, headers=None, kind="text/plain"):
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        if self.allowed():
            self.device.serve(self)


class Device:
    """A server of its own; `log` holds (time, method, path) of what was let in."""
    def __init__(self, login=None):
        self.login, self.log = login, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.device = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def note(self, h):
        self.log.append((time.monotonic(), h.command, h.path))

    def count(self, method, part=""):
        return len([1 for _, m, path in self.log if m == method and part in path])

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def with_tls(device, folder):
    """https with a certificate that only `ca` knows."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=device",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/device.key", "-out", f"{folder}/device.pem"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/device.pem", f"{folder}/device.key")
    device.server.socket = context.wrap_socket(device.server.socket, server_side=True)
    device.url = device.url.replace("http:", "https:")


class Own(Device):
    """Our own interface. `mode` is what happens to a sound."""
    def __init__(self, mode="plays", login=None):
        super().__init__(login)
        self.mode, self.sound, self.headers, self.until, self.silenced = mode, b"", {}, 0, 0

    def serve(self, h):
        self.note(h)
        body = h.body()
        if self.mode == "hangs":
            time.sleep(20)
            return
        if self.mode == "fault":
            h.answer(500, "Traceback (most recent call last):")
            return
        if self.mode == "garbage":
            h.answer(200, "\x00<html>{\"state\": 7")
            return
        if h.command == "PUT":
            self.sound, self.headers = body, dict(h.headers)
            self.until = time.monotonic() + int(h.headers["Tocsin-Length"]) / 1000
            state = {"busy-once": "busy" if self.count("PUT") == 1 else "accepted", "refuses": "refused"}.get(self.mode, "accepted")
        elif h.command == "DELETE":
            self.silenced = time.monotonic()
            state = "stopped"
        else:
            over = time.monotonic() >= self.until + 0.3
            state = {"taken": "preempted", "never": "playing"}.get(self.mode, "played" if over else "playing")
        h.answer(200, json.dumps({"state": state, "reason": "said by the mock"}), kind="application/json")


class Axis(Device):
    def __init__(self):
        super().__init__("digest")
        self.clips = {0: ("Doorbell", b""), 1: ("tocsin-7", b""), 4: ("tocsin-9", b"")}
        self.playing, self.sound, self.most = None, b"", 0

    def serve(self, h):
        self.note(h)
        body, path = h.body(), h.path
        clip = int((re.search(r"[?&]clip=(\d+)", path) or [0, -1])[1])
        if path == "/axis-cgi/param.cgi?action=list&group=MediaClip":
            h.answer(200, "".join(f"root.MediaClip.M{n}.Name={name}\nroot.MediaClip.M{n}.Location=/etc/audioclips/MediaClip.M{n}.au\n"
                                  f"root.MediaClip.M{n}.Type=audio\n" for n, (name, _) in self.clips.items()) + "root.MediaClip.MaxGroups=10\n")
        elif "action=upload&media=audio" in path and h.command == "POST":
            boundary = re.search(r"boundary=(\S+)", h.headers["Content-Type"])[1].encode()
            part = body.split(b"--" + boundary)[1]
            head, _, content = part.partition(b"\r\n\r\n")
            if not re.search(rb'form-data; name="[^"]+"; ?filename="[^"]+\.wav"', head) or len(self.clips) >= 10:
                h.answer(400, "bad upload")
                return
            number = next(n for n in range(10) if n not in self.clips)
            self.sound = content[:-2]
            self.clips[number] = (re.search(r"name=([\w-]+)", path)[1], self.sound)
            self.most = max(self.most, len(self.clips))
            h.answer(200, f"OK\nuploaded={number}")
        elif "action=play" in path and clip in self.clips:
            self.playing = clip
            h.answer(200, f"OK\nplaying={clip}")
        elif "action=stop" in path:
            self.playing = None
            h.answer(200, "OK\nstopping")
        elif "action=remove" in path and clip in self.clips:
            del self.clips[clip]
            h.answer(200, f"OK\nremoved={clip}")
        else:
            h.answer(400, "Bad Request")


class Hikvision(Device):
    XML = '<?xml version="1.0" encoding="UTF-8"?>\n<{0} version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">{1}</{0}>'

    def __init__(self, mode="plays"):
        super().__init__("digest")
        self.mode, self.sound, self.blocks, self.is_open, self.closed = mode, b"", [], False, 0

    def status(self, h, http, code, text, sub):
        h.answer(http, self.XML.format("ResponseStatus", f"<requestURL>{h.path}</requestURL><statusCode>{code}</statusCode>"
                                       f"<statusString>{text}</statusString><subStatusCode>{sub}</subStatusCode>"), kind="application/xml")

    def serve(self, h):
        self.note(h)
        base = "/ISAPI/System/TwoWayAudio/channels/1/"
        if h.command != "PUT" or not h.path.startswith(base):
            h.answer(404, "")
        elif h.path == base + "open":
            h.body()
            if self.mode == "busy" or self.is_open:
                self.status(h, 503, 2, "Device Busy", "deviceBusy")
            elif self.mode == "old":
                self.is_open = True
                self.status(h, 200, 1, "OK", "ok")
            else:
                self.is_open = True
                h.answer(200, self.XML.format("TwoWayAudioSession", "<sessionId>2093716360</sessionId>"), kind="application/xml")
        elif h.path == base + "audioData" + ("" if self.mode == "old" else "?sessionId=2093716360"):
            left = int(h.headers["Content-Length"])
            while left > 0:
                block = h.rfile.read1(left)
                if not block:
                    return
                left -= len(block)
                self.sound += block
                self.blocks.append((time.monotonic(), len(self.sound)))
                if self.mode == "drops" and len(self.sound) > 4000:
                    h.close_connection = True
                    h.connection.shutdown(2)
                    return
            if self.mode != "old":  # old ones are said to keep silent
                self.status(h, 200, 1, "OK", "ok")
            else:
                time.sleep(4)
        elif h.path == base + "close" + ("" if self.mode == "old" else "?sessionId=2093716360"):
            h.body()
            self.is_open, self.closed = False, time.monotonic()
            self.status(h, 200, 1, "OK", "ok")
        else:
            h.answer(400, "")


def ulaw(byte):
    byte = ~byte & 0xFF
    v = (((byte & 0xF) << 3) + 0x84) << (byte >> 4 & 7)
    return 0x84 - v if byte & 0x80 else v - 0x84


def write_ulaw(path, data):
    with wave.open(path, "w") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(array.array("h", [ulaw(b) for b in data]).tobytes())


class Stage:
    def __init__(self, args, folder, outputs, zones):
        self.folder = folder
        self.player = Player(args, folder, [f"  - {{id: {z}, class: hall, quiet: [none], outputs: [{', '.join(o)}]}}" for z, o in zones.items()],
                             outputs, "schedule: {grace: 8s}\n")

    def until(self, zone, state):
        return self.player.until(zone, state).get("detail", "")

    def say(self, where):
        return self.player.cli("say", where, TEXT, "--by", "test")[0] == 0


def secrets(folder):
    for name, text in (("password", SECRET), ("wrong", "guess"), ("token", TOKEN)):
        with open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(text + "\n")


def run(args, folder):
    secrets(folder)
    own = {"plays": Own(), "digest": Own(login="digest"), "basic": Own(login="basic"), "bearer": Own(login="bearer"), "wrong": Own(login="digest"),
           "busy": Own("busy-once"), "refuses": Own("refuses"), "taken": Own("taken"), "fault": Own("fault"), "garbage": Own("garbage"),
           "hangs": Own("hangs"), "never": Own("never"), "stopped": Own(), "tls": Own(), "other-ca": Own()}
    for name in ("other-ca", "tls"):
        with_tls(own[name], folder)
    os.rename(f"{folder}/device.pem", f"{folder}/tls.pem")
    hik_tls = Hikvision()
    with_tls(hik_tls, folder)
    logins = {"digest": f"user: {USER}, password_file: password, ", "basic": f"user: {USER}, password_file: password, ",
              "bearer": "token_file: token, ", "wrong": f"user: {USER}, password_file: wrong, ",
              "tls": "ca: tls.pem, "}
    axis, axis_stopped, hik = Axis(), Axis(), {mode: Hikvision(mode) for mode in ("plays", "busy", "old", "drops")}
    hik["stopped"] = Hikvision()
    hik["tls"] = hik_tls
    gone = f"http://127.0.0.1:{free_udp_port()}"
    outputs = [f"  - {{id: {n}, type: http, url: '{d.url}/pa', {logins.get(n, '')}allow_insecure: true, timeout: 1500ms, patience: 1s}}"
               for n, d in own.items()]
    outputs += [f"  - {{id: gone, type: http, url: '{gone}', allow_insecure: true}}",
                f"  - {{id: axis, type: axis, url: '{axis.url}/', user: {USER}, password_file: password, allow_insecure: true}}",
                f"  - {{id: axis-stopped, type: axis, url: '{axis_stopped.url}', user: {USER}, password_file: password, allow_insecure: true, audio_device: 0}}",
                f"  - {{id: axis-gone, type: axis, url: '{gone}', allow_insecure: true}}", "  - {id: drop, type: file, dir: drop, ics: false}",
                "  - {id: unmounted, type: file, dir: nowhere/at/all}", f"  - {{id: horn, type: rtp, address: 127.0.0.1, port: {free_udp_port()}}}"]
    outputs += [f"  - {{id: hik-{n}, type: hikvision, url: '{d.url}', user: {USER}, password_file: password, {'ca: device.pem, ' if n == 'tls' else ''}"
                f"allow_insecure: {'false' if n == 'tls' else 'true'}}}" for n, d in hik.items()]
    zones = {n: [n] for n in own}
    zones.update({"plays": ["plays", "drop"], "axis": ["axis"], "axis-stopped": ["axis-stopped"], **{f"hik-{n}": [f"hik-{n}"] for n in hik},
                  # A healthy loudspeaker beside every fault there is.
                  "mixed": ["horn", "gone", "axis-gone", "unmounted"], "unmounted": ["unmounted"]})
    stage = Stage(args, folder, outputs, zones)
    try:
        expect(f"{len(zones)} zones speak", stage.say("all"))
        while not own["stopped"].count("PUT") or not hik["stopped"].sound or not axis_stopped.playing:
            time.sleep(0.02)
        for name in ("stopped", "hik-stopped"):
            began = time.monotonic()
            stage.player.cli("stop", name, "--by", "test")
            device = own["stopped"] if name == "stopped" else hik["stopped"]
            while not (device.silenced if name == "stopped" else device.closed) and time.monotonic() < began + 3:
                time.sleep(0.005)
            heard = device.silenced if name == "stopped" else device.closed
            expect(f"{name}: silence reached the device {1000 * (heard - began):.0f} ms after the command", 0 < heard - began < 0.5)
            stage.until(name, "skipped")
        began = time.monotonic()
        stage.player.cli("stop", "axis-stopped", "--by", "test")
        while (axis_stopped.playing or len(axis_stopped.clips) > 1) and time.monotonic() < began + 3:
            time.sleep(0.005)
        expect(f"axis-stopped: silent and tidied up {1000 * (time.monotonic() - began):.0f} ms after the command",
               axis_stopped.playing is None and axis_stopped.clips.keys() == {0} and axis_stopped.count("GET", "audiodeviceid=0&audiooutputid=0") == 1)
        # Our own interface.
        stage.until("plays", "played")
        sound = open(glob.glob(f"{folder}/drop/*.wav")[0], "rb").read()
        expect("the server got the very WAV", own["plays"].sound == sound)
        expect("… and was told what it is", own["plays"].headers["Tocsin-Zone"] == "plays" and own["plays"].headers["Content-Type"] == "audio/wav")
        for name in ("digest", "basic", "bearer"):
            stage.until(name, "played")
            expect(f"with {name}, played", own[name].sound == sound)
        stage.until("tls", "played")
        stage.until("hik-tls", "played")
        detail = stage.until("other-ca", "failed")
        expect(f"a certificate that nobody vouches for is not spoken to ({detail})", not own["other-ca"].log)
        detail = stage.until("wrong", "failed")
        expect(f"a wrong password is not tried again ({detail})", len(stage.player.rows("wrong", "playing")) == 1 and "401" in detail)
        stage.until("busy", "played")
        expect("who was busy is asked again, by the same name", own["busy"].count("PUT") == 2 and len({p for _, _, p in own["busy"].log}) == 1)
        detail = stage.until("refuses", "failed")
        expect(f"a refusal is final ({detail})", own["refuses"].count("PUT") == 1 and "said by the mock" in detail)
        stage.until("taken", "preempted")
        expect("what was taken for something graver is no fault", not stage.player.rows("taken", "failed"))
        for name, words in (("fault", "500"), ("garbage", ""), ("hangs", ""), ("never", "")):
            detail = stage.until(name, "failed")
            tries = own[name].count("PUT")
            expect(f"{name}: tried {tries} times, then failed ({detail})", tries >= (1 if name == "never" else 2) and words in detail)
        # Axis.
        stage.until("axis", "played")
        end = time.monotonic() + 3
        while len(axis.clips) > 1 and time.monotonic() < end:
            time.sleep(0.05)
        expect("axis: the clip was put there, played and removed, and old ones with it; theirs stays",
               axis.sound == sound and axis.clips.keys() == {0} and axis.most == 2)
        # Hikvision.
        stage.until("hik-plays", "played")
        device = hik["plays"]
        write_ulaw(f"{folder}/hik.wav", device.sound)
        like = likeness(envelope(glob.glob(f"{folder}/drop/*.wav")[0]), envelope(f"{folder}/hik.wav"))
        expect(f"hikvision: what was heard is what was sent ({like:.4f})", like > 0.98)
        first = device.blocks[0][0]
        ahead = [n / 8 - 1000 * (at - first) for at, n in device.blocks]
        expect(f"hikvision: the sound came as it is spoken, {min(ahead):.0f} to {max(ahead):.0f} ms before its time",
               max(ahead) < 250 and min(ahead) > -250)
        expect("hikvision: opened and closed once", device.count("PUT", "open") == 1 and device.count("PUT", "close") == 1 and not device.is_open)
        stage.until("hik-old", "played")
        detail = stage.until("hik-busy", "failed")
        expect(f"hikvision: busy is tried again, then failed ({detail})", hik["busy"].count("PUT", "open") >= 2)
        detail = stage.until("hik-drops", "failed")
        expect(f"hikvision: a broken connection is tried again, then failed ({detail})", hik["drops"].count("PUT", "open") >= 2)
        # Beside each other.
        detail = stage.until("mixed", "played")
        expect(f"a healthy loudspeaker plays beside dead ones ({detail})", all(f"{n}:" in detail for n in ("gone", "axis-gone", "unmounted")))
        stage.until("unmounted", "failed")
        fares = {o["id"]: o for o in json.loads(stage.player.cli("status", "--json")[1])["outputs"]}
        expect("the status names what fails, and what does not", fares["gone"]["state"] == fares["wrong"]["state"] == "failing" and
               "401" in fares["wrong"]["detail"] and fares["horn"]["state"] == fares["busy"]["state"] == "good" and
               re.search(r"gone\W+http", told := stage.player.cli("status")[1]) and not re.search(r"horn\W+rtp", told))  # in any language
        os.makedirs(f"{folder}/nowhere/at")
        stage.say("unmounted")
        stage.until("unmounted", "played")
        expect("a folder that came later is used", glob.glob(f"{folder}/nowhere/at/all/*.wav") != [])
        log = open(f"{folder}/player.log").read()
        expect("no secret in the log", not [word for word in (SECRET, TOKEN, "guess") if word in log])
    finally:
        stage.player.stop()
        for device in [*own.values(), axis, axis_stopped, *hik.values()]:
            device.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", required=True)
    parser.add_argument("--source", required=True)
    args = parser.parse_args()
    for program in ("espeak-ng",):
        if not shutil.which(program):
            print(f"skipped: {program} is not installed")
            sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="pa_devices.") as folder:
        run(args, folder)


main()
