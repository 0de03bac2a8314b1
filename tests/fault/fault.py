#!/usr/bin/env python3
"""What the relay does when something around it fails: one scenario a call, each on a bench of its own.

Every scenario asserts what a person would see (the log, `tocsin status`, `tocsin deliveries list`, the pages), that nothing
which has a receipt is lost, and where it matters that nothing was sent twice.

usage: fault.py --tocsin PROGRAM --standin PROGRAM --pack DIR SCENARIO     (--list names them)
"""
import argparse
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import ZONE, Failed, Rig, faketime, free_port, require, set_clock, skip, slowness, stamp, wait_for  # noqa: E402
import fault_disk  # noqa: E402,F401  its scenarios too
from scenario import SCENARIOS, everything_arrived, nothing_twice, says, scenario, start  # noqa: E402

# -- the broker -------------------------------------------------------------------------------------------------------


@scenario
def broker_absent(rig):
    """Without a broker the relay runs, says so, and goes on when there is one."""
    rig.standin_start()
    rig.configure()
    rig.relay_start()
    require(rig.page("/healthz")[0] == 200, "not healthy without a broker")
    status, body = rig.page("/readyz")
    require(status == 503, "ready without a broker")
    says(body, "broker not connected")
    says(rig.status()["trouble"], "broker not connected", "start it")
    rig.broker_start()
    rig.listen()
    rig.publish(5)
    rig.until_accepted(15)
    rig.until("the targets", 10, lambda: everything_arrived(rig))
    rig.until("readiness", 5, lambda: rig.page("/readyz")[0] == 200)


@scenario
def broker_dies(rig):
    """kill -9 of the broker under load, twice: what has no receipt is sent again, and all arrives."""
    start(rig)
    for _ in range(2):
        rig.publish(30)
        time.sleep(0.05)
        rig.broker.kill()
        rig.broker.wait()
        rig.until("the loss to be seen", 5, lambda: not rig.status()["broker"])
        rig.broker_start()
        rig.until("the broker", 15, lambda: rig.status()["broker"] and all(f["up"] for f in rig.status()["feeds"]))
        rig.resend()
    rig.until_accepted(20)
    rig.until("the targets", 20, lambda: everything_arrived(rig))
    rig.until("the loudspeaker", 30, lambda: {m["alert"] for m in rig.spoken()} >= set(rig.accepted.values()))


@scenario
def broker_hangs(rig):
    """A broker that is stopped: seen within twice the keepalive, and chats go on meanwhile."""
    start(rig, broker={"keepalive": "5s"})
    rig.publish(3)
    rig.until_accepted()
    rig.broker.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    rig.until("the loss to be seen", 13, lambda: not rig.status()["broker"])
    print(f"broker_hangs: seen after {time.monotonic() - stopped:.1f} s")
    rig.ask("target", "test", "file:log")
    rig.until("the chat beside it", 3, lambda: any(m["status"] == "Test" for m in rig.lines_of("log")))
    rig.broker.send_signal(signal.SIGCONT)
    rig.until("the broker", 70, lambda: rig.status()["broker"])
    rig.publish(3)
    rig.until_accepted(30)
    rig.until("the targets", 10, lambda: everything_arrived(rig))


# -- the webhook ------------------------------------------------------------------------------------------------------


class Awkward:
    """A web service that answers one byte in a while, or takes everything and never answers."""

    def __init__(self, drip):
        self.drip = drip
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.requests = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection = self.server.accept()[0]
            self.requests += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        try:
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + b" " * 40:
                if self.drip:
                    connection.send(bytes([byte]))
                    time.sleep(0.5)
                else:
                    time.sleep(60)
        except OSError:
            pass


def webhooks(rig, scripts, events=1):
    """One group a script, each with a stand-in of its own; the first event meets the scripts' first words."""
    chats, ports = [rig.file_chat()], {}
    for name, script in scripts.items():
        ports[name] = free_port()
        rig.standin_start(name, ports[name], script=script)
        chats.append(rig.wecom_chat(name, ports[name]))
    rig.broker_start()
    rig.listen()
    rig.configure(chats=chats)
    rig.relay_start()
    rig.publish(events)
    rig.until_accepted()


def row(rig, name):
    rows = rig.deliveries(target=f"wecom:{name}")
    return rows[-1] if rows else {"state": "", "reason": ""}


def ends(rig, name, state, reason, seconds=8):
    try:
        rig.until(f"{name} to be {state}", seconds, lambda: row(rig, name)["state"] == state)
    except Failed as e:
        raise Failed(f"{e}; it is {row(rig, name)}") from e
    says(row(rig, name)["reason"], reason)


@scenario
def keys_stay_unseen(rig):
    """A key is in the address that is posted to and nowhere else: not in a log at its loudest, a list, a metric, a core file."""
    key = "sesame-0123456789"
    rig.broker_start()
    rig.standin_start(script="http500,http302,garbage,hang,93000")
    rig.listen()
    with open(rig.path("far.url"), "w") as f:
        f.write(f"https://127.0.0.1:{free_port()}/robot/send?access_token={key}\n")
    os.chmod(rig.path("far.url"), 0o600)
    rig.configure(chats=[rig.wecom_chat(key), {"id": "far", "type": "dingtalk", "audience": "duty", "quiet": [], "url_file": rig.path("far.url"),
                                               "allow_insecure": True},
                         {"id": "inside", "type": "dingtalk", "audience": "duty", "quiet": [], "url_file": rig.path("far.url")}],
                  relay={"log_level": "debug"})
    with open(rig.path("tocsin.yaml")) as f:
        config = json.load(f)
    config["chats"][0]["id"] = "group"  # only its address holds the key
    with open(rig.path("tocsin.yaml"), "w") as f:
        json.dump(config, f)
    rig.relay_start()
    rig.publish(2)
    rig.until_accepted()
    rig.until("failures", 10, lambda: all(any(d["state"] == "retry" and d["reason"] for d in rig.deliveries(target=t))
                                          for t in ("wecom:group", "dingtalk:far", "dingtalk:inside")))
    says(rig.deliveries(target="dingtalk:inside")[0]["reason"], "allow_insecure")
    for what, text in (("the log", rig.log()), ("/metrics", rig.page("/metrics")[1]), ("status", json.dumps(rig.status())),
                       ("the deliveries", json.dumps(rig.deliveries())),
                       ("print-config", subprocess.run(rig.command("check", "--print-config"), capture_output=True, text=True).stdout)):
        require(text and key not in text, f"the key stands in {what}")
    with open(f"/proc/{rig.relay.pid}/limits") as f:
        core = next(line for line in f if line.startswith("Max core file size"))
    require(core.split()[4:6] == ["0", "0"], f"a core file may be written: {core}")


@scenario
def webhook_answers(rig):
    """Each answer that a group bot has, with the state and the reason that a person reads."""
    webhooks(rig, {"empty": "44004", "type": "40008", "limit": "45009", "gone": "93000", "wait": "http429:2", "fault": "http500",
                   "refused": "http400", "lost": "http404", "odd": "garbage,garbage", "late": "nocode", "busy": "-1",
                   "new": "77777", "wall": "page,page,page"})
    ends(rig, "empty", "rejected", "errcode 44004: the text is empty")
    ends(rig, "type", "rejected", "errcode 40008")
    ends(rig, "refused", "rejected", "HTTP 400: the request was refused")
    ends(rig, "limit", "retry", "errcode 45009: more than 20 messages in a minute")
    ends(rig, "gone", "retry", "errcode 93000: the key is not valid, or the bot was removed")
    ends(rig, "lost", "retry", "HTTP 404: no such address")
    ends(rig, "wait", "sent", "")
    ends(rig, "fault", "sent", "")
    ends(rig, "busy", "sent", "")
    ends(rig, "new", "sent", "")
    ends(rig, "odd", "unconfirmed", "HTTP 200 without errcode")
    ends(rig, "wall", "sent", "")  # a login on the way has answered three times: nobody has had it yet
    ends(rig, "late", "sent", "")
    states = {t["id"]: t for t in rig.status()["targets"]}
    for name, state, why in (("limit", "paused", "more than 20 messages in a minute"),
                             ("gone", "disabled", "the key is not valid"), ("lost", "disabled", "no such address")):
        target = states[f"wecom:{name}"]
        require(target["state"] == state, f"{name} is {target}")
        says(target["why"], why)
    says(rig.log(), "mend it and reload", "target=wecom:limit paused", "going on in 65 s")
    require(row(rig, "wait")["attempt"] == 2 and row(rig, "fault")["attempt"] == 2, "429 and 500 took another number of attempts")
    # A clear no is no reason to say it twice; what may have arrived is said once more, marked in the log, and no third time.
    for name, requests in (("empty", 1), ("type", 1), ("refused", 1), ("limit", 1), ("gone", 1), ("lost", 1), ("odd", 2), ("late", 2)):
        got = len(rig.lines_of(name))
        require(got == requests, f"{name} had {got} requests")
    first, second = rig.lines_of("wait")
    waited = (datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"])).total_seconds()
    require(1.9 <= waited < 5, f"Retry-After: 2 was kept for {waited} s")
    # A disabled target keeps what waits, and a reload gives it another chance.
    rig.relay.send_signal(signal.SIGHUP)
    ends(rig, "gone", "sent", "")
    ends(rig, "lost", "sent", "")


@scenario
def webhook_silent(rig):
    """A service that takes everything and answers nothing, and one that drips: given up, said once more, marked, and ended."""
    hang, drip = Awkward(False), Awkward(True)
    start(rig, chats=[rig.file_chat(), rig.wecom_chat(), rig.wecom_chat("hang", hang.port), rig.wecom_chat("drip", drip.port)])
    rig.publish()
    rig.until_accepted()
    ends(rig, "hang", "unconfirmed", "", 45)
    ends(rig, "drip", "unconfirmed", "", 45)
    for name, service in (("hang", hang), ("drip", drip)):
        require(row(rig, name)["reason"], f"{name} ended without a reason")
        require(service.requests == 2, f"{name} had {service.requests} requests")
    print("webhook_silent:", row(rig, "hang")["reason"])


@scenario
def dead_target(rig):
    """Nobody listens at one, nobody answers at the other: what is healthy beside them does not wait."""
    hang, nobody = Awkward(False), free_port()
    start(rig, chats=[rig.file_chat(), rig.wecom_chat(), rig.wecom_chat("hang", hang.port), rig.wecom_chat("nobody", nobody)])
    delays = []
    for _ in range(40):
        rig.publish()
        time.sleep(0.03)
    rig.until_accepted()
    rig.until("the healthy targets", 5, lambda: everything_arrived(rig))
    for d in rig.deliveries(target="wecom:group"):
        delays.append((datetime.fromisoformat(d["sent"]) - datetime.fromisoformat(d["created"])).total_seconds())
    delays.sort()
    require(len(delays) == 40 and delays[-1] < 1.0 * slowness(), f"a healthy delivery waited {delays[-1]} s beside a dead target")
    waiting = rig.deliveries(target="wecom:nobody")
    require(all(d["state"] in ("retry", "sending", "queued") for d in waiting), f"{Counter(d['state'] for d in waiting)}")
    says(" ".join(d["reason"] for d in waiting), "connect")
    print(f"dead_target: healthy deliveries p50 {delays[20] * 1000:.0f} ms, slowest {delays[-1] * 1000:.0f} ms")


# -- the clock --------------------------------------------------------------------------------------------------------


def stopped_sending(rig):
    rig.until_logged("clock is not trusted")
    says(rig.log(), "events are accepted, nothing is sent", "set the time and check NTP")
    says(rig.status()["trouble"], "clock not trusted", "NTP")
    require(rig.page("/readyz")[0] == 503, "ready with a wrong clock")


@scenario
def clock_in_the_past(rig):
    """A clock behind the store: events are accepted, nothing is sent, status says so; when it is right all goes out."""
    start(rig)
    rig.publish(2)
    rig.until_accepted()
    rig.until("the targets", 5, lambda: everything_arrived(rig))
    rig.relay_stop()
    clock = rig.path("clock")
    set_clock(clock, -2 * 86400)
    rig.relay_start(faketime(clock, wall_only=True))
    stopped_sending(rig)
    rig.publish(3)
    rig.until_accepted()
    time.sleep(1.0)
    require(len(rig.lines_of("log")) == 2 and len(rig.lines_of("chat")) == 2, "something was sent by a wrong clock")
    set_clock(clock, 0)
    rig.until_logged("clock is trusted again", 70)
    rig.until("the targets", 10, lambda: everything_arrived(rig))
    nothing_twice(rig)


@scenario
def clock_steps(rig):
    """Steps of an hour while deliveries wait: none is lost, none is said twice, nothing expires that has not expired."""
    clock = rig.path("clock")
    set_clock(clock, 0)
    rig.broker_start()
    rig.listen()
    rig.configure()
    rig.relay_start(faketime(clock, wall_only=True))
    rig.publish(4)
    rig.until_accepted()  # the stand-in is not there yet: the group's deliveries wait
    rig.until("the file", 5, lambda: len(rig.lines_of("log")) == 4)
    rig.until("retries", 5, lambda: all(d["state"] == "retry" for d in rig.deliveries(target="wecom:group")))
    set_clock(clock, 3600)
    rig.until_logged("clock stepped by", 10)
    time.sleep(1.0)
    require("silent for" not in rig.log(), "a feed is called silent because the clock stepped")
    rig.standin_start()
    rig.until("the targets", 65, lambda: everything_arrived(rig))
    set_clock(clock, 0)  # behind what was stored meanwhile
    stopped_sending(rig)
    rig.publish(2)
    rig.until_accepted()
    set_clock(clock, 3700)
    rig.until_logged("clock is trusted again", 65)
    rig.until("the targets", 65, lambda: everything_arrived(rig))
    nothing_twice(rig)
    expired = rig.deliveries(state="expired")
    require(not expired, f"expired by a step: {expired}")


@scenario
def clock_in_the_future(rig):
    """A clock that was ahead and is right again: it is not trusted until a person says that it is, once and for good."""
    clock = rig.path("clock")
    set_clock(clock, 0)
    rig.broker_start()
    rig.standin_start()
    rig.listen()
    rig.configure()
    rig.relay_start(faketime(clock, wall_only=True))
    set_clock(clock, 3 * 3600)
    rig.until_logged("clock stepped by", 65)
    rig.publish(3)
    rig.until_accepted()
    says(fault_disk.refused(rig, "clock", "trust", "--by", "王工"), "trusted already")
    set_clock(clock, 0)
    stopped_sending(rig)
    says(rig.log(), "tocsin clock trust --by NAME")
    says(rig.status()["trouble"], "tocsin clock trust --by NAME")
    rig.publish(2)
    rig.until_accepted()
    says(fault_disk.refused(rig, "clock", "trust"), "--by")
    rig.relay_kill()  # the store knows of that time as well
    rig.relay_start(faketime(clock, wall_only=True))
    rig.until("distrust", 5, lambda: "clock not trusted" in rig.status().get("trouble", ""))
    require(not rig.lines_of("log"), "something was sent by a wrong clock")
    rig.ask("clock", "trust", "--by", "王工", "--reason", "主板电池")
    rig.until("the two that are fresh", 10, lambda: len(rig.lines_of("log")) == 2)
    rig.relay_stop()
    rig.relay_start(faketime(clock, wall_only=True))
    rig.publish(1)
    rig.until("the next one", 10, lambda: len(rig.lines_of("log")) == 3)
    require("trouble" not in rig.status(), "trusted for good")
    db = sqlite3.connect(f"file:{fault_disk.database(rig)}?mode=ro", uri=True)
    late = [(table, at) for table, column in (("alert", "created"), ("revision", "sent"), ("delivery", "created"), ("event", "received"),
                                              ("feed", "heard"), ("window", "slice"), ("spoken", "at"), ("action", "at"))
            for (at,) in db.execute(f"SELECT {column} FROM {table}") if at > time.time() * 1000 + 1000]
    db.close()
    require(not late, f"still of that time: {late}")


# -- reload -----------------------------------------------------------------------------------------------------------


def own_pack(rig):
    """A copy of the pack that a scenario may spoil."""
    folder = rig.path("pack")
    shutil.copytree(rig.pack, folder)
    rig.pack = folder
    return os.path.join(folder, "rules.yaml")


@scenario
def bad_rule_at_reload(rig):
    """A rule file that does not load keeps the old set, whole; the log names file, line and reason."""
    rules = own_pack(rig)
    start(rig)
    before = rig.status()["rule_set"]
    with open(rules) as f:
        good = f.read()
    for n, bad in enumerate((good + "\n- id: second\n  match: {any: ['(unclosed']}\n", good.replace("level: red", "level: purple"),
                             "- id: [unclosed\n", "\n".join(line for line in good.split("\n") if "caught:" not in line),
                             good.replace("near: 60", "near: 60\n    none: ['医(?:.{0,9}院?)*保']"))):
        with open(rules, "w") as f:
            f.write(bad)
        rig.relay.send_signal(signal.SIGHUP)
        rig.until("the refusal", 5, lambda k=n: rig.log().count("the old rules and configuration stay") > k)
        require(rig.status()["rule_set"] == before, "a bad file changed the rule set")
    says(rig.log(), "rules.yaml:", "say.caught is missing", "does not end", "status: test")
    rig.publish(3)
    rig.until_accepted()
    with open(rules, "w") as f:
        f.write(good.replace("rev: 1", "rev: 2"))
    rig.relay.send_signal(signal.SIGHUP)
    rig.until("the new set", 5, lambda: rig.status()["rule_set"] != before)
    rig.publish(2)
    rig.until_accepted()
    rig.until("the targets", 5, lambda: everything_arrived(rig))


@scenario
def bad_configuration_at_reload(rig):
    start(rig)
    with open(rig.path("tocsin.yaml")) as f:
        good = f.read()
    with open(rig.path("tocsin.yaml"), "w") as f:
        f.write(good.replace('"receiver": "everyone"', '"receiver": "nobody"'))
    rig.relay.send_signal(signal.SIGHUP)
    rig.until_logged("the old rules and configuration stay")
    says(rig.log(), "tocsin.yaml:", "nobody")
    # What was used at the start is not taken for changed.
    for option, other in (("http.listen", good.replace(f":{rig.http_port}\"", ":1\"")),
                          ("relay.timezone", good.replace('"issuer"', '"timezone": "UTC", "issuer"', 1)),
                          ("limits.http", good.replace('"limits": {}', '"limits": {"http": 7}'))):
        with open(rig.path("tocsin.yaml"), "w") as f:
            f.write(other)
        rig.relay.send_signal(signal.SIGHUP)
        rig.until_logged(f"reload refused: {option} ")
    with open(rig.path("tocsin.yaml"), "w") as f:
        f.write(good.replace('"issuer"', '"log_level": "error", "issuer"', 1))
    rig.relay.send_signal(signal.SIGHUP)
    rig.until("its last word", 5, lambda: rig.log().count("reloading") == 5)
    time.sleep(0.2)
    with open(rig.path("tocsin.yaml"), "w") as f:
        f.write(good)
    rig.relay.send_signal(signal.SIGHUP)
    rig.until_logged("reloaded")
    require(rig.log().count("reloaded") == 1, "log_level was read and ignored")
    rig.publish(2)
    rig.until_accepted()
    rig.until("the targets", 5, lambda: everything_arrived(rig))


@scenario
def removed_target(rig):
    """What waits for a target that a reload removes is cancelled with that reason; the others go on."""
    rig.broker_start()
    rig.listen()
    rig.configure()  # nobody stands in for the group: its deliveries wait
    rig.relay_start()
    rig.publish(4)
    rig.until_accepted()
    rig.until("retries", 5, lambda: [d["state"] for d in rig.deliveries(target="wecom:group")] == ["retry"] * 4)
    rig.configure(chats=[rig.file_chat()])
    rig.relay.send_signal(signal.SIGHUP)
    rig.until("the cancelled ones", 5, lambda: all(d["state"] == "cancelled" and d["reason"] == "target removed"
                                                   for d in rig.deliveries(target="wecom:group")))
    says(rig.log(), "target=wecom:group removed: its waiting deliveries are cancelled")
    rig.publish(1)
    rig.until_accepted()
    rig.until("the file", 5, lambda: len(rig.lines_of("log")) == 5)


# -- limits -----------------------------------------------------------------------------------------------------------


@scenario
def too_many_rules(rig):
    """More rules than the memory is planned for: refused at the start and at a reload, with both numbers."""
    rules = own_pack(rig)
    with open(rules) as f:
        one = f.read()
    with open(rules.replace("rules.yaml", "more.yaml"), "w") as f:
        f.write(one.replace("id: ", "id: another_", 1))
    rig.broker_start()
    rig.configure(limits={"rules": 1})
    says(rig.relay_refused(), "2 rules, allowed 1 (limits.rules)")


@scenario
def a_crowd_is_one_message(rig):
    """So many at once for one group as limits.waiting says: one digest, and each delivery says into which."""
    start(rig, limits={"waiting": 3})
    rig.relay.send_signal(signal.SIGSTOP)
    rig.publish(4)
    time.sleep(0.3)
    rig.relay.send_signal(signal.SIGCONT)
    rig.until_accepted()
    rig.until("the digest", 5, lambda: sum(d["state"] in ("sent", "suppressed") for d in rig.deliveries(target="wecom:group")) == 4)
    folded = [d["state"] for d in rig.deliveries(target="wecom:group")].count("suppressed")
    require(folded >= 2, f"only {folded} of four were folded")  # the first may have come a turn before the others
    require(all("folded into" in d["reason"] for d in rig.deliveries(target="wecom:group") if d["state"] == "suppressed"),
            "a folded delivery does not say into what")


# -- open files -------------------------------------------------------------------------------------------------------


def soft_limit(rig):
    with open(f"/proc/{rig.relay.pid}/limits") as f:
        return int(next(line for line in f if line.startswith("Max open files")).split()[3])


@scenario
def open_files(rig):
    """The soft limit is raised to the hard one, 20,000 at most; one too low for the screens is named with its remedy."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 9000:
        skip(f"the hard limit of open files is {hard} here")
    rig.broker_start()
    rig.standin_start()
    rig.listen()
    rig.configure()
    rig.relay_start(before=("prlimit", "--nofile=256:9000"))
    rig.until("the raised limit", 5, lambda: soft_limit(rig) == 9000)
    require("open files are limited" not in rig.log(), "9,000 are enough for 6,000 screens")
    rig.relay_stop()
    rig.relay_start(before=("prlimit", "--nofile=256:512"))
    rig.until_logged("open files are limited to 512, and limits.streams: 6000 needs")
    says(rig.log(), "LimitNOFILE=", "or lower limits.streams")
    rig.publish(3)
    rig.until_accepted()
    rig.until("the targets", 5, lambda: everything_arrived(rig))


# -- every state ------------------------------------------------------------------------------------------------------


class Seen:
    """What `tocsin deliveries list` has shown of one event's delivery to a target."""

    def __init__(self, rig):
        self.rig, self.states = rig, set()

    def until(self, event, target, state, reason="", seconds=10, rev=1):
        """Waits until it is shown so; the reason is a part of the whole."""
        rows = []

        def shown():
            rows[:] = [d for d in self.rig.deliveries(alert=self.rig.accepted[event], target=target) if d["rev"] == rev]
            return rows and rows[0]["state"] == state and reason in rows[0]["reason"]
        try:
            self.rig.until(f"{target} to be {state} ({reason})", seconds, shown)
        except Failed as e:
            raise Failed(f"{e}; it is {rows}") from e
        self.states.add(state)
        return rows[0]


def soon(seconds):
    return stamp(datetime.now(ZONE) + timedelta(seconds=seconds))


@scenario
def every_state(rig):
    """Drives deliveries into each state of the table, and sees it in the list with its reason."""
    hang, limited = Awkward(False), free_port()
    rig.broker_start()
    rig.standin_start("no", rig.web_port, script="44004,44004,44004")  # the three may come in any order
    rig.standin_start("limited", limited, script="http429:2")
    rig.listen()
    boards = rig.subscribe("tocsin/v1/displays/+/+/board")
    rig.configure(
        feeds=[{"id": f, "type": "bank", "areas": ["61", "62"], "rate": "1000/s"} for f in ("f1", "f2")],
        sites=[rig.site(wards=[{"id": "w1", "name": "一病区"}]),
               rig.site(id="s2", area="62", mode="trial", wards=[{"id": "w1", "name": "一病区"}])],
        chats=[rig.file_chat(), rig.file_chat("slow", rate="1/m"), rig.file_chat("night", quiet=["00:00-12:00", "12:00-00:00"]),
               rig.wecom_chat("no"), rig.wecom_chat("limited", limited, rate="2/m"), rig.wecom_chat("hang", hang.port),
               rig.wecom_chat("nobody", free_port())],
        route={"receiver": "everyone", "group_by": ["rule", "area6"],
               "routes": [{"matchers": ['feed="f2"'], "receiver": "everyone", "approve": "one"}]},
        receivers=[{"name": "everyone", "pa": ["announce", "bulletin"], "displays": ["all"], "chats": ["all"]}])
    rig.relay_start()
    seen = Seen(rig)
    first, second, third = rig.publish(3)
    rig.until_accepted()
    seen.until(first, "file:log", "sent")
    seen.until(first, "wecom:hang", "sending")
    seen.until(first, "wecom:nobody", "retry", "connect")
    seen.until(first, "wecom:no", "rejected", "errcode 44004: the text is empty")
    seen.until(first, "file:night", "held", "quiet_hours")

    # Devices: the loudspeaker plays one and skips another, the screen shows the first two and a nurse takes the third.
    sent = seen.until(first, "pa:s1/hall", "sent")
    rig.device_says("pa/s1/hall/log", {"id": sent["id"], "state": "accepted", "at": stamp()})
    rig.device_says("pa/s1/hall/log", {"id": sent["id"], "state": "played", "at": stamp()})
    seen.until(first, "pa:s1/hall", "played")
    rig.device_says("pa/s1/hall/log", {"id": seen.until(second, "pa:s1/hall", "sent")["id"], "state": "skipped",
                                       "reason": "silent zone", "at": stamp()})
    seen.until(second, "pa:s1/hall", "suppressed", "silent zone")

    def board(event):
        for line in reversed(boards.lines):
            topic, _, payload = line.partition(" ")
            shown = json.loads(payload)
            if topic.endswith("/s1/w1/board") and any(i["alert"] == rig.accepted[event] for i in shown["items"]):
                return shown["rev"]
        return None
    seen.until(first, "board:s1/w1", "sent")
    rig.device_says("displays/s1/w1/ack", {"rev": wait_for("the board", 5, lambda: board(third)), "state": "displayed",
                                           "at": stamp()})
    seen.until(first, "board:s1/w1", "displayed")
    fourth, = rig.publish()
    rig.until_accepted()
    seen.until(fourth, "file:slow", "queued")  # its one message a minute is gone
    seen.until(fourth, "board:s1/w1", "sent")
    rig.device_says("displays/s1/w1/ack", {"rev": wait_for("the board", 5, lambda: board(fourth)), "state": "acknowledged",
                                           "at": stamp()})
    seen.until(fourth, "board:s1/w1", "acknowledged")

    # Two that waited out a pause of a group that takes two a minute go as one message.
    rig.until("the digest", 8, lambda: any("folded into" in d["reason"] and d["state"] == "suppressed"
                                           for d in rig.deliveries(target="wecom:limited")))

    # Short ones: never sent, and sent but never confirmed.
    short, = rig.publish(expires_at=soon(2))
    trial, = rig.publish(area="620102")
    asked, = rig.publish(feed="f2")
    rig.until_accepted()
    seen.until(trial, "pa:s2/hall", "held", "trial")
    seen.until(trial, "board:s2/w1", "held", "trial")
    seen.until(asked, "file:log", "held", "approval")
    seen.until(short, "wecom:nobody", "expired")
    seen.until(short, "file:night", "expired", "expired while held")
    seen.until(short, "pa:s1/hall", "unconfirmed", "not confirmed before it expired")

    # A higher certainty takes the place of what still waits, and a Cancel ends it.
    low, = rig.publish(area="619901", count=1)
    rig.until_accepted()
    seen.until(low, "file:night", "held", "quiet_hours")
    rig.publish(area="619901", count=5)
    rig.until_accepted()
    seen.until(low, "file:night", "suppressed", "superseded by revision 2")
    rig.ask("alerts", "cancel", rig.accepted[low], "--by", "王警官", "--reason", "误报")
    seen.until(low, "file:night", "cancelled", "alert cancelled", rev=2)

    table = {"held", "queued", "sending", "sent", "played", "displayed", "acknowledged", "retry", "expired", "rejected",
             "cancelled", "suppressed", "unconfirmed"}
    require(seen.states == table, f"never seen: {sorted(table - seen.states)}")
    for d in rig.deliveries():
        require(d["state"] in table, f"an unknown state: {d}")
        require(d["reason"] or d["state"] not in ("held", "retry", "expired", "rejected", "cancelled", "suppressed",
                                                  "unconfirmed"), f"a state without its reason: {d}")


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(SCENARIOS))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--standin", required=True)
    parser.add_argument("--pack", required=True)
    parser.add_argument("scenario", choices=SCENARIOS)
    args = parser.parse_args()
    began = time.monotonic()
    with Rig(args.scenario.replace("_", "-")[:31], args.tocsin, args.standin, args.pack) as rig:
        SCENARIOS[args.scenario](rig)
    print(f"{args.scenario}: ok after {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
