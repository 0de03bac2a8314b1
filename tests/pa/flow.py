#!/usr/bin/env python3
"""tocsin-pa for real: a broker, the engine, two kinds of output, and a wall clock that is set forward and back around nine.

What it says on its topics is checked against the schemas, what it plays is measured by sox.
usage: flow.py --player PROGRAM --source DIR [--part day|cuts|check]
"""
import argparse
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from rig import answers, free_port, wait_for  # noqa: E402
from rtp import expect  # noqa: E402

SITE = "tocsin/v1/pa/xjtu-1"
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
SHORT = "是骗子，别转账。"
LONG = "防骗提醒。有人发短信，说您的医保卡停用了，让您点链接。这是骗子。不要点，先问护士，或者拨打96110。"


def sox(*args):
    done = subprocess.run(["sox", *args], capture_output=True, text=True, check=True)
    return done.stderr


def rms_db(wav, start, length):
    for line in sox(wav, "-n", "trim", str(start), str(length), "stats").splitlines():
        if line.startswith("RMS lev dB"):
            return float(line.split()[-1])
    raise SystemExit("flow: sox gave no level")


def seconds(wav):
    return float(subprocess.run(["soxi", "-D", wav], capture_output=True, text=True, check=True).stdout)


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder, self.port = args, folder, free_port()
        self.messages = []  # (topic, payload) as they came
        self.broker = self.player = self.ear = None
        self.schemas = {}
        for name in ("log", "state", "announce", "bulletin"):
            path = f"{args.source}/packaging/doc/schema/{name}.schema.json"
            self.schemas[name] = jsonschema.Draft202012Validator(json.load(open(path, encoding="utf-8")))

    def path(self, name):
        return os.path.join(self.folder, name)

    def start_broker(self):
        with open(self.path("mosquitto.conf"), "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self.broker = subprocess.Popen(["mosquitto", "-c", self.path("mosquitto.conf")], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        wait_for("the broker", 10, lambda: answers(self.port))
        self.ear = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-V", "5", "-q", "1", "-p", str(self.port), "-t", SITE + "/#", "-F",
                                     "%t %p"], stdout=subprocess.PIPE)
        threading.Thread(target=self.listen, args=(self.ear,), daemon=True).start()

    def listen(self, ear):
        for line in ear.stdout:
            topic, _, payload = line.decode().rstrip("\n").partition(" ")
            name = topic.rsplit("/", 1)[-1]
            if name in self.schemas and payload:
                for error in self.schemas[name].iter_errors(json.loads(payload)):
                    self.messages.append(("schema", f"{name}: {error.message}: {payload}"))
            self.messages.append((topic, payload))

    def write_config(self, more=""):
        with open(self.path("pa.yaml"), "w", encoding="utf-8") as f:
            f.write(f"""
player: {{site: xjtu-1, state_dir: state, mode: trial}}
broker: {{port: {self.port}}}
# The engine speaks fast and pauses are short: it is played in real time.
speech: {{lexicon: [{self.args.source}/adapters/pa/player/data/lexicon.tsv],
          engine: [espeak-ng, -v, cmn-latn-pinyin, -s, '450', --stdin, --stdout]}}
schedule: {{gap: 100ms, announce_gap: 100ms, busy_gap: 700ms}}
hold: {{file: fire}}
reminders: [{{id: valuables, text: 看好物品。}}]
zones:
  - {{id: hall, name: 门诊大厅, class: hall, outputs: [drop]}}
  - {{id: pharmacy, class: pharmacy, outputs: [horn], busy_topic: hospital/queue/1}}
  - {{id: icu, class: icu}}{more}
outputs:
  - {{id: drop, type: file, dir: wav}}
  - {{id: horn, type: command, run: [sh, -c, 'cp "$0" "$1/$2.wav" && exec sleep "$3"', '{{wav}}', '{self.folder}', horn, '{{seconds}}']}}
""")

    def set_clock(self, text):
        """The player's wall clock, while it runs. The monotonic clock stays real, so that waits take their time."""
        there = datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=8))).timestamp()
        with open(self.path("clock.new"), "w") as f:
            f.write(f"{there - time.time():+.3f}s\n")
        os.rename(self.path("clock.new"), self.path("clock"))

    def start_player(self, at):
        self.set_clock(at)
        # The library itself: the program `faketime` does not bear another one beside it.
        env = dict(os.environ, LD_PRELOAD=FAKETIME[0], FAKETIME_TIMESTAMP_FILE=self.path("clock"), FAKETIME_NO_CACHE="1",
                   FAKETIME_DONT_FAKE_MONOTONIC="1", TZ="Asia/Shanghai", LC_ALL="C.UTF-8", TOCSIN_LANG="en",
                   ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=1")
        self.player = subprocess.Popen([self.args.player, "run", "--config", self.path("pa.yaml")], env=env,
                                       stderr=open(self.path("player.log"), "a"), start_new_session=True)

    def cli(self, *words):
        done = subprocess.run([self.args.player, *words, "--config", self.path("pa.yaml")], capture_output=True, text=True,
                              env=dict(os.environ, TOCSIN_LANG="en"))
        return done.returncode, done.stdout + done.stderr

    def publish(self, topic, payload, retain=False, head=SITE + "/"):
        argv = ["mosquitto_pub", "-h", "127.0.0.1", "-V", "5", "-q", "1", "-p", str(self.port), "-t", f"{head}{topic}", "-m", payload]
        subprocess.run(argv + (["-r"] if retain else []), check=True)

    def announce(self, zone, number, text, valid=3600, **more):
        now = datetime.now(timezone(timedelta(hours=8)))
        payload = {"id": f"yanta-1-20261123-{number}.1/pa:xjtu-1/{zone}", "alert": f"yanta-1-20261123-{number}", "rev": 1,
                   "status": "Actual", "level": "red", "now": now.isoformat(timespec="milliseconds"),
                   "expires": (now + timedelta(seconds=valid)).isoformat(timespec="milliseconds"), "text": text, "repeat": 2}
        payload.update(more)
        self.publish(f"{zone}/announce", json.dumps(payload, ensure_ascii=False))
        return payload["id"]

    def bulletin(self, rev, items):
        now = datetime.now(timezone(timedelta(hours=8)))
        later = (now + timedelta(hours=20)).isoformat(timespec="milliseconds")
        full = [{"id": f"yanta-1-20261123-{n}.1/bulletin:xjtu-1", "alert": f"yanta-1-20261123-{n}", "status": "Actual",
                 "level": level, "since": now.isoformat(timespec="milliseconds"), "expires": later, "text": text, "count": 3}
                for n, level, text in items]
        self.publish("bulletin", json.dumps({"rev": rev, "now": now.isoformat(timespec="milliseconds"), "items": full},
                                            ensure_ascii=False), retain=True)

    def log(self, ident, zone=None):
        """The states that were told of an item, in order. The same row may come again: a relay that repeats itself is told
        again, and so is one whose acknowledgement was lost."""
        states, seen = [], set()
        for topic, payload in list(self.messages):
            if not topic.endswith("/log") or (zone and topic != f"{SITE}/{zone}/log"):
                continue
            row = json.loads(payload)
            if row["id"] == ident and (topic, payload) not in seen:
                seen.add((topic, payload))
                states.append(row["state"] + (":" + row["reason"] if row["state"] == "skipped" else ""))
        return states

    def state(self):
        for topic, payload in reversed(self.messages):
            if topic == SITE + "/state":
                return json.loads(payload)
        return {}

    def wait_log(self, ident, last, zone=None, limit=60):
        return wait_for(f"{ident} {last}", limit, lambda: (s := self.log(ident, zone)) and s[-1] == last and s)

    def stop(self):
        for child in (self.player, self.ear, self.broker):
            if child and child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM) if child is self.player else child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()


def wavs(b, pattern):
    return sorted(glob.glob(b.path(f"wav/{pattern}")))


def begin(b):
    b.write_config()
    code, text = b.cli("check")
    expect("the configuration is good", code == 0)
    b.start_broker()
    b.start_player("2026-11-23 08:50:00")
    state = wait_for("the state topic", 15, lambda: b.state().get("state") == "up" and b.state())
    with open(f"/proc/{b.player.pid}/limits") as f:
        core = next(line.split() for line in f if line.startswith("Max core file size"))
    expect("it writes no core file", core[4:6] == ["0", "0"])
    return state


def end(b):
    bad = [p for t, p in b.messages if t == "schema"]
    expect(f"every message keeps to its schema {bad[:1]}", not bad)
    os.killpg(b.player.pid, signal.SIGTERM)
    expect("it ends well", b.player.wait(10) == 0)
    wait_for("the goodbye", 5, lambda: b.state().get("state") == "down")


def hold_by_file(b, ident):
    """From the file's appearance to silence, in ms. A busy machine may be late itself: the best of three."""
    best = 1e9
    for _ in range(3):
        b.wait_log(ident, "playing")
        wav = wavs(b, "*-hall-announce-*.wav")[-1]
        began = time.monotonic()
        open(b.path("fire"), "w").close()
        wait_for("silence", 5, lambda: json.load(open(wav.replace(".wav", ".json"), encoding="utf-8"))["state"] == "stop")
        best = min(best, (time.monotonic() - began) * 1000)
        b.wait_log(ident, "preempted")
        os.unlink(b.path("fire"))
        if best < 200:
            break
    return best


def day(b):
    state = begin(b)
    expect("the state lists the zones", [z["id"] for z in state["zones"]] == ["hall", "pharmacy", "icu"])
    for words, told in [(["log", "--hours", "x"], "hours: `x` is no whole number"), (["log", "--zone", "no such&hours=1"], ""),
                        (["programme", "--zone", "nowhere"], "no zone `nowhere`"), (["programme", "--day", "2026-11-24", "--zone", "hall"], "09:00  hall")]:
        code, said = b.cli(*words)
        expect(f"{' '.join(words)}: {said.strip()[:60]}", told in said and bool(code) == told.startswith(("hours", "no zone")))
    b.bulletin(1, [(7, "red", SHORT), (8, "yellow", None)])

    # An announcement, told four times as a relay does that has not heard the answer.
    ident = b.announce("hall", 9, SHORT)
    b.announce("hall", 9, SHORT)
    b.announce("icu", 9, SHORT)
    wait_for("a WAV and its manifest", 10, lambda: wavs(b, "*-hall-announce-*.json"))
    wav = wavs(b, "*-hall-announce-*.wav")[0]
    length = seconds(wav)
    manifest = json.load(open(wav.replace(".wav", ".json"), encoding="utf-8"))
    expect("the manifest says what and where", manifest["id"] == ident and manifest["zone"] == "hall" and manifest["state"] == "play")
    expect("its length is that of the sound", abs(manifest["length_ms"] / 1000 - length) < 0.01)
    expect(f"two passes take {length:.1f} s", 2.5 < length < 10)
    expect("it begins with silence", rms_db(wav, 0, 0.28) < -80)
    chime, speech = rms_db(wav, 0.3, 1.2), rms_db(wav, 1.85, length - 2)
    expect(f"the chime ({chime:.1f} dB) is softer than speech ({speech:.1f} dB)", 3 < speech - chime < 9)
    expect("nothing is clipped", "0.0" not in [x for x in sox(wav, "-n", "stats").splitlines() if x.startswith("Pk lev dB")][0].split())
    expect("the silent zone stays silent", b.wait_log("yanta-1-20261123-9.1/pa:xjtu-1/icu", "skipped:silent_zone"))

    # The clock is set to just before nine. The slot: the hall's loudspeaker is taken by the announcement, the pharmacy's is free.
    slot = "slot:2026-11-23T09:00"
    b.set_clock("2026-11-23 08:59:59")
    b.wait_log(slot, "playing", "pharmacy", 60)
    code, text = b.cli("status")
    expect("status names what plays", code == 0 and slot in text)
    b.set_clock("2026-11-23 08:59:58")  # nine comes a second time
    expect("the announcement went its way once", b.wait_log(ident, "played") == ["accepted", "playing", "played"])
    expect("the slot was played", b.wait_log(slot, "played", "pharmacy")[-2:] == ["playing", "played"])
    expect("the bulletin's item was reported", b.wait_log("yanta-1-20261123-7.1/bulletin:xjtu-1", "played", "pharmacy"))
    expect("what is for screens was not", not b.log("yanta-1-20261123-8.1/bulletin:xjtu-1"))
    b.wait_log(slot, "played", "hall")
    expect("one WAV an item", len(wavs(b, "*-hall-announce-*.wav")) == 1 and len(wavs(b, "*-hall-slot-*.wav")) == 1)

    # Fire: silence within 200 ms of the word, by file and by topic.
    ident = b.announce("hall", 10, LONG, repeat=1)
    took = hold_by_file(b, ident)
    expect(f"a hold by file silences within 200 ms ({took:.0f})", took < 200)
    wait_for("the second try", 10, lambda: len(wavs(b, "*-hall-announce-*.wav")) >= 2)
    b.wait_log(ident, "playing")
    began = time.monotonic()
    b.publish("hold", "1")
    b.wait_log(ident, "preempted")
    took = (time.monotonic() - began) * 1000
    expect(f"a hold by topic silences, told after {took:.0f} ms", took < 2000)
    expect("the state says so", wait_for("the state", 5, lambda: b.state().get("hold") == "fire"))
    b.publish("hold", "0")
    b.wait_log(ident, "playing")
    code, _ = b.cli("hold", "fire", "--by", "消控室")
    expect("a hold by command silences", code == 0 and b.wait_log(ident, "preempted"))
    expect("and says who asked", wait_for("the state", 5, lambda: b.state().get("hold") == "fire" and "消控室" in b.state()["hold_by"]))
    b.cli("hold", "off", "--by", "消控室")
    b.wait_log(ident, "playing")

    # Stop and mute by the command line; a drilled name is needed and noted.
    code, text = b.cli("stop", "hall", "--by", "保安")
    expect("stop ends what plays", code == 0 and b.wait_log(ident, "skipped:stopped"))
    code, text = b.cli("mute", "hall", "--for", "2h", "--by", "王护士长", "--reason", "王建国13800138000，会议")
    expect("mute is told", code == 0 and wait_for("the mute", 5, lambda: b.state()["zones"][0].get("muted_by", "").startswith("王护士长")))
    expect("its reason names nobody", b.state()["zones"][0]["mute_reason"] == "‹name›‹tel›，会议")
    ident = b.announce("hall", 11, SHORT)
    b.wait_log(ident, "skipped:mute")
    code, text = b.cli("mute", "hall", "--for", "25h", "--by", "x")
    expect("a mute of 25 h is refused with a reason", code == 1 and "24 h" in text)
    code, text = b.cli("mute", "hall", "--for", "off", "--by", "王护士长")
    expect("a mute is ended", code == 0)

    expect("a slot at most once, with two nines", b.log(slot, "pharmacy").count("playing") == 1)
    expect("the steps are in the log", [r["state"] for r in json.loads(b.cli("log", "--json")[1]) if r["kind"] == "clock"].count("stepped") == 2)

    # Queue calling speaks: it is given way to at once, and waited for until it has been silent for a while.
    ident = b.announce("pharmacy", 14, SHORT, repeat=1)
    b.wait_log(ident, "playing", "pharmacy")
    b.publish("queue/1", "1", head="hospital/")
    b.wait_log(ident, "preempted", "pharmacy")
    began = time.monotonic()
    b.publish("queue/1", "0", head="hospital/")
    b.wait_log(ident, "playing", "pharmacy")
    waited = time.monotonic() - began
    expect(f"an announcement gives way to queue calling, and waited {waited:.1f} s for a gap", waited > 0.5)
    b.cli("stop", "pharmacy", "--by", "test")

    # A reload: a bad configuration is told and changes nothing; a good one waits until nothing sounds, and knows what was
    # heard before it: a hold, queue calling, a mute, and what a person asked for that still waits.
    def log_text():
        return open(b.path("player.log"), encoding="utf-8").read()

    def zone(name):
        return next(z for z in json.loads(b.cli("status", "--json")[1])["zones"] if z["id"] == name)

    b.publish("hold", "1")
    wait_for("the hold", 5, lambda: b.state().get("hold") == "fire")
    b.publish("queue/1", "1", head="hospital/")
    wait_for("queue calling", 5, lambda: zone("pharmacy")["busy"])
    b.cli("mute", "hall", "--for", "1h", "--by", "王护士长")
    b.cli("say", "pharmacy", "请车主挪车。", "--by", "前台")
    # The engine must not be killed in the middle: the library of the false clock shares a lock with it.
    wait_for("its sound", 10, lambda: glob.glob(b.path("state/spool/*.wav")))
    b.write_config("\n  - {id: w3, class: nonsense}")
    os.kill(b.player.pid, signal.SIGHUP)
    wait_for("the refusal", 5, lambda: "the old configuration stays in force" in log_text())
    expect("the mistake is named", '"nonsense"' in log_text() and b.player.poll() is None)
    b.write_config("\n  - {id: w3, class: ward, outputs: [drop]}")
    os.kill(b.player.pid, signal.SIGHUP)
    state = wait_for("the new zone", 10, lambda: len(b.state().get("zones", [])) == 4 and b.state())
    expect("the hold outlives a reload", state["hold"] == "fire" and state["zones"][3]["id"] == "w3")
    expect("so does queue calling", zone("pharmacy")["busy"])
    expect("so does a mute", zone("hall").get("muted_by", "").startswith("王护士长"))
    b.publish("hold", "0")
    wait_for("its end", 5, lambda: b.state().get("hold") is None)
    time.sleep(1)
    expect("a person's words wait for queue calling", zone("pharmacy").get("playing") is None and zone("pharmacy")["waiting"] == 1)
    b.publish("queue/1", "0", head="hospital/")
    wait_for("a person's words", 10, lambda: (zone("pharmacy").get("playing") or "").startswith("say:"))
    expect("it is the same process", b.player.poll() is None)
    end(b)


def cuts(b):
    # The broker goes while something plays: the programme goes on, the log is told later.
    begin(b)
    ident = b.announce("pharmacy", 12, SHORT, repeat=1)
    b.wait_log(ident, "playing")
    b.broker.kill()
    b.broker.wait()
    b.ear.kill()
    wait_for("its end", 20, lambda: json.loads(b.cli("status", "--json")[1])["zones"][1].get("playing") is None)
    expect("the log waits", json.loads(b.cli("status", "--json")[1])["log_unsent"] > 0)
    before = len(b.messages)
    b.start_broker()
    b.wait_log(ident, "played", limit=90)
    expect("what was played without a broker is told afterwards", before < len(b.messages))

    # A power cut in the middle of an announcement and of a slot: the one is said again, the other is not.
    b.set_clock("2026-11-23 08:59:59")
    slot, ident = "slot:2026-11-23T09:00", b.announce("hall", 13, SHORT, repeat=1)
    b.wait_log(ident, "playing")
    b.wait_log(slot, "playing", "pharmacy")
    os.killpg(b.player.pid, signal.SIGKILL)
    b.player.wait()
    wait_for("the last will", 15, lambda: b.state().get("state") == "down")
    left = b.path("state/spool/12345.wav")
    open(left, "w").close()
    b.start_player("2026-11-23 09:00:40")  # the grace of nine o'clock is not over
    expect("an announcement is said at least once", b.wait_log(ident, "played", limit=60)[-2:] == ["playing", "played"])
    expect("a slot at most once", b.log(slot, "pharmacy") == ["playing", "failed"])
    expect("what was put together before is not kept", not os.path.exists(left))

    # A fire panel says it once. Whoever starts anew in the middle of it is silent until the panel lets go, or after a day.
    b.publish("hold", "1")
    wait_for("the hold", 5, lambda: b.state().get("hold") == "fire")
    for at, hold in (("2026-11-23 09:05:00", "fire"), ("2026-11-23 23:05:00", "fire"), ("2026-11-25 09:05:00", None), ("2026-11-25 09:06:00", None)):
        os.killpg(b.player.pid, signal.SIGKILL)
        b.player.wait()
        wait_for("the last will", 15, lambda: b.state().get("state") == "down")
        b.start_player(at)
        state = wait_for("its state", 15, lambda: b.state().get("state") == "up" and b.state())
        expect(f"the hold of a topic at {at}: {hold}", state.get("hold") == hold)
    end(b)


def check(b):
    # Whatever would keep the player from starting or speaking is named beforehand, with what to do.
    with open(b.path("short"), "w") as f:
        os.fchmod(f.fileno(), 0o600)
        f.write("short\n")
    b.write_config()
    with open(b.path("pa.yaml"), encoding="utf-8") as f:
        text = f.read()
    code, said = b.cli("check")
    expect("a good configuration is good", code == 0)
    for old, new, word in [("broker: {", "broker: {username: pa, password_file: nowhere.password, ", "nowhere.password"),
                           ("broker: {", "broker: {tls: {ca: nowhere.pem}, ", "nowhere.pem"),
                           ("hold: {", "http: {token_file: short}\nhold: {", "short: a token has 12"),
                           ("engine: [espeak-ng,", "engine: [no-such-engine,", "no-such-engine"),
                           ("run: [sh,", "run: [no-such-player,", "no-such-player"),
                           ("type: file, dir: wav", "type: file, dir: no/such/folder", "no/such/folder")]:
        with open(b.path("pa.yaml"), "w", encoding="utf-8") as f:
            f.write(text.replace(old, new, 1))
        code, said = b.cli("check")
        expect(f"check names {word}", code == 1 and word in said and "pa.yaml:" in said)
    # Files that are folders, folders that are files, and what is empty or no PEM: at their place, with what to do.
    os.mkdir(b.path("folder"))
    open(b.path("empty"), "w").close()
    for key, new, says in [("broker: {", "broker: {password_file: folder, username: pa, ", "is a folder: name the file in it"),
                           ("broker: {", "broker: {tls: {ca: folder}, ", "broker.tls.ca: "),
                           ("broker: {", "broker: {tls: {ca: empty}, ", "is empty"),
                           ("broker: {", "broker: {tls: {ca: short}, ", "it is no PEM file"),
                           ("hold: {file: fire", "hold: {file: folder", "name the file in it that comes and goes"),
                           ("speech: {", "speech: {clips: empty, ", "is no folder: make it"),
                           ("speech: {", "speech: {cache: empty, ", "a folder is needed"),
                           ("lexicon: [", "lexicon: [folder, ", "is a folder: name the file in it"),
                           ("dir: wav", "dir: empty", "a folder is needed"),
                           ("class: hall", "busy_file: folder, class: hall", "name the file in it that comes and goes"),
                           ("player: {", "player: {holidays: [folder], ", "is a folder: name the file in it"),
                           ("schedule: {", "schedule: {calendars: [folder], ", "is a folder: name the file in it")]:
        assert key in text, key
        line = text[:text.index(key)].count("\n") + 1
        with open(b.path("pa.yaml"), "w", encoding="utf-8") as f:
            f.write(text.replace(key, new, 1))
        code, said = b.cli("check")
        expect(f"check names line {line}: {new}", code == 1 and f"pa.yaml:{line}: " in said and says in said)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--part", choices=["day", "cuts", "check"])
    args = parser.parse_args()
    for program in ("mosquitto", "mosquitto_sub", "faketime", "sox", "espeak-ng"):
        if subprocess.run(["which", program], capture_output=True).returncode != 0 or not FAKETIME:
            print(f"skipped: {program} is not installed")
            sys.exit(77)
    for part in [day, cuts, check]:
        if not args.part or args.part == part.__name__:
            run(args, part)


def run(args, part):
    with tempfile.TemporaryDirectory(prefix="pa_flow.") as folder:
        bench = Bench(args, folder)
        try:
            part(bench)
        except BaseException:
            print(open(bench.path("player.log"), encoding="utf-8").read()[-6000:] if os.path.exists(bench.path("player.log")) else "")
            for topic, payload in bench.messages[-15:]:
                print(topic, payload[:300])
            raise
        finally:
            bench.stop()


main()
