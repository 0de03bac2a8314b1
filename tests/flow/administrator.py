#!/usr/bin/env python3
"""What the IT administrator does in the first half hour, through the real commands: init, doctor, target test, the player's
clips, the trial's first event. A mosquitto of its own enforces the access list and the passwords that init wrote.
usage: administrator.py --tocsin PROGRAM --player PROGRAM --standin PROGRAM --source FOLDER"""
import argparse
import functools
import json
import os
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import Failed, answers, free_port, require, stamp, wait_for  # noqa: E402

import tempfile  # noqa: E402


class Hospital:
    def __init__(self, args, folder):
        self.tocsin, self.player, self.standin, self.source = (
            os.path.abspath(p) for p in (args.tocsin, args.player, args.standin, args.source))
        self.folder = folder
        self.broker_port, self.web_port, self.http_port = free_port(), free_port(), free_port()
        self.children = []
        data = self.path("data")  # as an installation has it
        os.makedirs(data)
        os.symlink(os.path.join(self.source, "rules", "packs"), os.path.join(data, "packs"))
        os.symlink(os.path.join(self.source, "adapters", "pa", "player", "data"), os.path.join(data, "pa"))
        # Children inherit it; a secret has to stay out of sight even where the shell's umask is wide.
        self.env = {**os.environ, "TOCSIN_LANG": "en", "TOCSIN_DATADIR": data, "HOME": folder,
                    "PATH": os.environ["PATH"] + ":/usr/sbin"}
        for name in ("TOCSIN_CONFIG", "TOCSIN_PA_CONFIG", "XDG_STATE_HOME"):
            self.env.pop(name, None)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def run(self, *argv, code=0, stdin=""):
        done = subprocess.run(argv, capture_output=True, text=True, input=stdin, env=self.env, timeout=90)
        require(code is None or done.returncode == code,
                f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def cli(self, *words, **more):
        return self.run(self.tocsin, *words, "-c", self.path("etc", "tocsin.yaml"), **more)

    def spawn(self, argv, log):
        with open(self.path(log), "a") as f:
            child = subprocess.Popen(argv, stdout=f, stderr=f, env=self.env)
        self.children.append(child)
        return child

    def end(self, child):
        child.terminate()
        child.wait(20)
        self.children.remove(child)

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    child.kill()

    def doctor(self, code):
        done = self.cli("doctor", "--json", code=code)
        return json.loads(done.stdout)["findings"]

    def todo(self, code=1):
        return {f["check"]: f["text"] for f in self.doctor(code) if f["state"] == "todo"}


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def answer_file(h):
    with open(h.path("answers.yaml"), "w", encoding="utf-8") as f:
        f.write(f"""hospital: 交大一附院
site: xjtu-1
district: 雁塔区
issuer: 雁塔公安·交大一附院
help: 门诊一楼警务室
zones: [门诊大厅, icu]
wards: [w3 三病区]
feeds: [sn-cmcc carrier]
approve: one
duty: {{url: 'http://127.0.0.1:{h.web_port}/cgi-bin/webhook/send?key=trial', allow_insecure: true}}
loudspeakers: {{way: file, dir: '{h.path("drop")}'}}
broker: {{host: 127.0.0.1, port: {h.broker_port}}}
state_dir: '{h.path("state")}'
pa_state_dir: '{h.path("pa-state")}'
listen: 127.0.0.1:{h.http_port}
""")


def step_init(h):
    """Step 3: from answers to files; again, nothing changes; changed, it asks first."""
    answer_file(h)
    init = (h.tocsin, "init", "--dir", h.path("etc"), "--answers", h.path("answers.yaml"))
    said = h.run(*init).stdout
    require("mode 0600" in said and "key=trial" not in said, f"init said {said}")
    for name in ("duty.url", "mqtt.password", "pa.password", "feeds/demo.password", "feeds/sn-cmcc.password", "screens.password",
                 "mosquitto/passwords"):
        require(mode_of(h.path("etc", name)) == 0o600, f"{name} has mode {mode_of(h.path('etc', name)):o}")
    h.cli("check")
    h.run(h.player, "check", "-c", h.path("etc", "pa.yaml"))

    before = {name: open(h.path("etc", name)).read() for name in ("tocsin.yaml", "mqtt.password", "mosquitto/passwords")}
    said = h.run(*init).stdout
    require("written" not in said, f"a second run wrote something:\n{said}")

    with open(h.path("etc", "tocsin.yaml"), "a") as f:
        f.write("# mine\n")
    with open(h.path("etc", "mosquitto", "passwords"), "a") as f:
        f.write("gate:$7$101$AAAAAAAAAAAAAAAA$AAAA\n")
    said = h.run(*init, code=1).stdout
    require("-# mine" in said and "differs" in said, f"a file that was edited is not shown:\n{said}")
    require(open(h.path("etc", "tocsin.yaml")).read() == before["tocsin.yaml"] + "# mine\n", "an edited file was replaced")
    h.run(*init, "--yes")
    require(open(h.path("etc", "tocsin.yaml")).read() == before["tocsin.yaml"], "--yes did not replace it")
    require(open(h.path("etc", "mqtt.password")).read() == before["mqtt.password"], "a password was made anew")
    kept = open(h.path("etc", "mosquitto", "passwords")).read()
    require(kept == before["mosquitto/passwords"] + "gate:$7$101$AAAAAAAAAAAAAAAA$AAAA\n", "other people's users are gone")
    with open(h.path("etc", "mosquitto", "passwords"), "w") as f:
        f.write(before["mosquitto/passwords"])


def step_asked(h):
    """Step 3 by questions: the same answers typed, one of them wrong at first."""
    typed = ["交大一附院", "无此区", "雁塔", "Xjtu 1", "xjtu-1", "雁塔公安·交大一附院", "门诊一楼警务室", "花园", "1, icu",
             "file", h.path("drop"), "w3 三病区", "sn-cmcc 运营商", "dingtalk", "http://127.0.0.1/none",
             "https://oapi.dingtalk.example/robot/send?access_token=trial", "SECtrial", "one"]
    os.makedirs(h.path("asked"))
    with open(h.path("asked", "init.yaml"), "w") as f:  # what an earlier run was told, and nobody is asked about
        f.write(f"state_dir: '{h.path('asked', 'state')}'\npa_state_dir: '{h.path('asked', 'pa-state')}'\n")
    said = h.run(h.tocsin, "init", "--dir", h.path("asked"), stdin="\n".join(typed) + "\n").stdout
    require("610113 雁塔区" in said and "no class of zone" in said and "https" in said, f"the interview said {said}")
    with open(h.path("asked", "init.yaml"), encoding="utf-8") as f:
        told = f.read()
    require("hospital: 交大一附院" in told and "zones: [hall, icu]" in told and "asked/state" in told, f"remembered: {told}")
    require("SECtrial" not in said + told and "access_token" not in said + told, f"the interview tells a secret: {said}{told}")
    with open(h.path("asked", "duty.secret"), encoding="utf-8") as f:
        require(f.read() == "SECtrial\n" and os.stat(f.fileno()).st_mode & 0o77 == 0, "the signature's secret is not kept to itself")
    with open(h.path("asked", "tocsin.yaml"), encoding="utf-8") as f:
        require("secret_file: duty.secret" in f.read(), "the group's messages will not be signed")
    h.run(h.tocsin, "check", "-c", h.path("asked", "tocsin.yaml"))
    done = h.run(h.tocsin, "init", "--dir", h.path("cut"), stdin="交大一附院\n", code=1)
    require("nothing was written" in done.stderr and not os.path.exists(h.path("cut")), "an interview cut short wrote files")


def step_another(h):
    """A second hospital of the same relay: a file in sites.d, a folder for its machine, a name at the broker."""
    with open(h.path("another.yaml"), "w", encoding="utf-8") as f:
        f.write(f"""hospital: 市第四医院
site: fourth
district: 西安 新城区
issuer: 新城公安
help: 导诊台
zones: [hall]
loudspeakers: {{way: rtp}}
broker: {{host: broker.example, port: 8883}}
state_dir: '{h.path("state")}'
""")
    before = {name: open(h.path("etc", *name.split("/"))).read() for name in ("tocsin.yaml", "mosquitto/acl", "mosquitto/passwords")}
    another = (h.tocsin, "init", "--another", "--dir", h.path("etc"), "--answers", h.path("another.yaml"))
    said = h.run(*another).stdout
    require("fourth/pa.yaml" in said, f"init --another said {said}")
    sites = h.cli("check").stdout
    require("sites 2" in sites, f"the second hospital is not there: {sites}")
    require(mode_of(h.path("etc", "fourth", "pa.password")) == 0o600, "the second player's password can be read")
    require(open(h.path("etc", "tocsin.yaml")).read() == before["tocsin.yaml"], "the relay's file was changed")
    acl = open(h.path("etc", "mosquitto", "acl")).read()
    passwords = open(h.path("etc", "mosquitto", "passwords")).read()
    require(acl.startswith(before["mosquitto/acl"]) and acl.count("user pa-fourth\n") == 1, "the access list was not added to")
    require(set(before["mosquitto/passwords"].splitlines()) < set(passwords.splitlines()) and "pa-fourth:" in passwords,
            "the broker's passwords were not added to")
    said = h.run(*another).stdout
    require("written" not in said, f"a second run wrote something:\n{said}")
    with open(h.path("another.yaml")) as f:
        text = f.read().replace("site: fourth", "site: xjtu-1")
    with open(h.path("another.yaml"), "w") as f:
        f.write(text)
    require("already" in h.run(*another, code=1).stderr, "a hospital that is there was added again")
    said = h.run(h.tocsin, "init", "--dir", h.path("etc"), "--answers", h.path("answers.yaml")).stdout
    require("written" not in said, f"init forgot the second hospital:\n{said}")
    # Its player is not of this test.
    os.unlink(h.path("etc", "sites.d", "fourth.yaml"))


def start_broker(h, conf):
    with open(h.path("broker.conf"), "w") as f:
        f.write(conf)
    broker = h.spawn(["mosquitto", "-c", h.path("broker.conf")], "broker.log")
    wait_for("the broker", 10, lambda: answers(h.broker_port))
    return broker


def step_doctor_alone(h):
    """Step 4 before anything runs: each finding says what to do; then against a broker that lets anybody do anything."""
    todo = h.todo()
    require("broker" in todo and "mosquitto" in todo["broker"], f"without a broker: {todo}")
    require("relay" in todo and "not running" in todo["relay"], f"without a relay: {todo}")
    require("chat" in todo, f"without the group: {todo}")
    broker = start_broker(h, f"listener {h.broker_port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 10\n"
                             "max_packet_size 65536\n")
    todo = h.todo()
    require("broker.anonymous" in todo and "broker.acl" in todo and "broker.limits" in todo, f"a broker open to all: {todo}")
    require(len([f for f in h.doctor(1) if f["check"] == "broker.limits"]) == 2, "not both limits were seen")
    h.end(broker)


def step_run(h):
    """Steps 4 and 7: the broker with init's own files, the relay and the player."""
    os.makedirs(h.path("broker"), exist_ok=True)
    with open(h.path("etc", "mosquitto", "tocsin.conf")) as f:
        conf = f.read()
    user = "root" if os.geteuid() == 0 else ""
    start_broker(h, (f"user {user}\n" if user else "") + f"persistence_location {h.path('broker')}/\n" + conf)
    h.spawn([h.standin, "--port", str(h.web_port), "--rate", "-1", "--journal", h.path("chat.jsonl"), "--quiet"], "standin.log")
    wait_for("the stand-in", 10, lambda: answers(h.web_port))
    h.cli("check", "--online")
    todo = h.todo()
    require("relay" in todo and "player" in todo and "broker.acl" not in todo, f"with the broker of init: {todo}")

    # The only words that are not init's: a hall is silent from 18:00 on and a duty group at night, and the test may run then.
    with open(h.path("etc", "tocsin.yaml"), encoding="utf-8") as f:
        relay = f.read()
    require("    audience: duty\n" in relay, "init writes chats in another way")
    with open(h.path("etc", "tocsin.yaml"), "w", encoding="utf-8") as f:
        f.write(relay.replace("    audience: duty\n", "    audience: duty\n    quiet: []\n"))
    with open(h.path("etc", "pa.yaml"), encoding="utf-8") as f:
        player = f.read()
    require("{id: hall, class: hall, " in player, "init writes zones in another way")
    with open(h.path("etc", "pa.yaml"), "w", encoding="utf-8") as f:
        f.write(player.replace("{id: hall, class: hall, ", "{id: hall, class: hall, quiet: [none], "))
    h.spawn([h.tocsin, "run", "-c", h.path("etc", "tocsin.yaml")], "relay.log")
    h.spawn([h.player, "run", "--trust-clock", "-c", h.path("etc", "pa.yaml")], "pa.log")
    wait_for("the relay", 10, lambda: answers(h.http_port))
    findings = []

    def well():
        findings[:] = json.loads(h.cli("doctor", "--json", code=None).stdout)["findings"]
        return not [f for f in findings if f["state"] == "todo"]
    try:
        wait_for("a doctor who is content", 15, well)
    except Failed:
        raise Failed(f"the doctor still says {[f for f in findings if f['state'] == 'todo']}") from None
    checks = {f["check"] for f in findings if f["state"] == "ok"}
    require({"broker", "broker.limits", "broker.acl", "broker.anonymous", "broker.persistence", "zones", "files", "disk",
             "rules", "relay", "chat"} <= checks, f"not everything was looked at: {checks}")
    notes = {f["check"]: f["text"] for f in findings if f["state"] == "note"}
    require("screens" in notes and str(h.broker_port) in notes["firewall"], f"notes: {notes}")
    require("key=trial" not in json.dumps(findings), "the doctor shows the key")
    # What is printed for people says it in one line each, and ends well.
    lines = h.cli("doctor").stdout.splitlines()
    require(len([l for l in lines if l.startswith(("ok", "note"))]) == len(findings), "not one line a finding")


def step_zones_differ(h):
    """The player's list and the relay's differ: the doctor names the zone."""
    path = h.path("etc", "tocsin.yaml")
    before = open(path).read()
    with open(path, "w") as f:
        f.write(before.replace("    wards:", "      - {id: cashier, class: cashier}\n    wards:"))
    todo = h.todo()
    require("cashier" in todo.get("zones", ""), f"zones that differ: {todo}")
    with open(path, "w") as f:
        f.write(before)
    os.chmod(h.path("etc", "mqtt.password"), 0o644)
    todo = h.todo()
    require("0600" in todo.get("files", ""), f"a password that all can read: {todo}")
    os.chmod(h.path("etc", "mqtt.password"), 0o600)


def step_targets(h, whole):
    """Step 5: each target answers in its own words; the zone quietly."""
    said = h.cli("target", "test", "wecom:duty-group").stdout
    require("it took the message" in said, f"the chat's test: {said}")
    with open(h.path("chat.jsonl"), encoding="utf-8") as f:
        require("测试" in f.readlines()[-1], "the test is not marked as one")
    done = h.cli("target", "test", "board:xjtu-1/w3", "--for", "1s", code=1)
    require("wards list" in done.stdout, f"a screen that is not there: {done.stdout}")
    # A device that shows the board says so under the name that init gave it.
    with open(h.path("etc", "screens.password")) as f:
        mqtt = ["-h", "127.0.0.1", "-p", str(h.broker_port), "-V", "5", "-q", "1", "-u", "screens-xjtu-1", "-P", f.read().strip()]
    screen = subprocess.Popen(["mosquitto_sub", *mqtt, "-t", "tocsin/v1/displays/xjtu-1/w3/board"], stdout=subprocess.PIPE,
                              text=True)
    h.children.append(screen)

    def show():
        for line in screen.stdout:
            ack = json.dumps({"rev": json.loads(line)["rev"], "state": "displayed", "at": stamp()})
            subprocess.run(["mosquitto_pub", *mqtt, "-t", "tocsin/v1/displays/xjtu-1/w3/ack", "-m", ack], check=False)
    threading.Thread(target=show, daemon=True).start()
    said = h.cli("target", "test", "board:xjtu-1/w3").stdout
    require("a screen shows it" in said, f"the screen's test: {said}")
    h.end(screen)
    done = h.cli("target", "test", "pa:xjtu-1/nowhere", code=1)
    require("no target" in done.stderr, f"a zone that does not exist: {done.stderr}")
    if not whole:
        return
    said = h.cli("target", "test", "pa:xjtu-1/hall").stdout
    require("played to its end" in said, f"the zone's test: {said}")
    log = json.loads(h.run(h.player, "log", "--json", "-c", h.path("etc", "pa.yaml")).stdout)
    played = [row for row in log if row["state"] == "played"]
    require(played and played[0]["volume"] == 60, f"the zone's test was loud: {played}")


def step_clips(h):
    """Step 6: one page for the announcer."""
    said = h.run(h.player, "clips", "list", "--missing", "-c", h.path("etc", "pa.yaml")).stdout
    require("医保" in said and "tocsin-pa clips add" in said, f"clips: {said[-500:]}")


def step_trial(h):
    """Steps 8 to 10: an event of the demo feed reaches the duty group as a trial, the report says what would have been said,
    and a named person switches the site."""
    events = h.run(h.tocsin, "feed", "sample", "--area", "610113").stdout
    push = (h.tocsin, "feed", "push", "--feed", "demo", "--username", "feed-demo", "--port", str(h.broker_port),
            "--password-file", h.path("etc", "feeds", "demo.password"), "--spool", h.path("spool"), "--timeout", "20s")
    said = h.run(*push, stdin=events).stdout
    require("3 accepted" in said, f"the push: {said}")
    wait_for("two alerts in the duty group, one of them before it is approved", 10,
             lambda: open(h.path("chat.jsonl"), encoding="utf-8").read().count("【试运行】") == 2)
    rows = json.loads(h.cli("deliveries", "list", "--json").stdout)
    warnings = [r for r in rows if r["level"] != "blue"]  # tests of targets are blue
    public = [r for r in warnings if not r["target"].startswith("wecom:") and r["state"] != "held"]
    require(warnings and not public, f"a trial spoke: {public}")
    # A bank's feed is in sandbox: receipts, and nothing goes out.
    before = len(rows)
    said = h.run(*[("sn-cmcc" if w == "demo" else w.replace("feed-demo", "feed-sn-cmcc").replace("demo.password", "sn-cmcc.password"))
                   for w in push], stdin=h.run(h.tocsin, "feed", "sample", "--area", "610113").stdout).stdout
    require("3 accepted" in said, f"the push into the sandbox: {said}")
    require(len(json.loads(h.cli("deliveries", "list", "--json").stdout)) == before, "a feed in sandbox reached a target")
    # Neither feed may speak as the other.
    h.run(h.tocsin, "feed", "check", "--feed", "sn-cmcc", "--username", "feed-sn-cmcc", "--port", str(h.broker_port),
          "--password-file", h.path("etc", "feeds", "sn-cmcc.password"))
    said = h.cli("report", "--trial").stdout
    require("pa:xjtu-1/hall" in said and "防骗提醒" in said, f"the trial's report: {said}")
    h.cli("site", "mode", "xjtu-1", "screens", "--by", "王工", "--reason", "试运行合格")
    todo = h.todo()
    require("demo" in todo.get("feeds", ""), f"the demo feed beside a site that shows: {todo}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("tocsin", "player", "standin", "source"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--whole", action="store_true", help="also wait until a loudspeaker has spoken")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-administrator-") as folder:
        h = Hospital(args, folder)
        try:
            for step in (step_init, step_asked, step_another, step_doctor_alone, step_run, step_zones_differ,
                         functools.partial(step_targets, whole=args.whole), step_clips, step_trial):
                began = time.monotonic()
                step(h)
                print(f"{getattr(step, '__name__', 'step_targets')}: {time.monotonic() - began:.1f} s", flush=True)
        except Failed as why:
            for log in ("relay.log", "pa.log", "broker.log"):
                if os.path.exists(h.path(log)):
                    print(f"--- {log}\n" + "".join(open(h.path(log), errors="replace").readlines()[-15:]), file=sys.stderr)
            sys.exit(f"administrator: {why}")
        finally:
            h.stop()


if __name__ == "__main__":
    main()
