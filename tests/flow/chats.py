#!/usr/bin/env python3
"""How often groups are spoken to: levels that wait for a digest, the limits of a day, corrections that know no limit.
A real broker, a stand-in for WeCom, and a clock that is set while the relay runs.
usage: chats.py --tocsin PROGRAM --standin PROGRAM [SCENARIO…]"""
import argparse
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from rig import Failed, IN_ZONE, Rig, ZONE, faketime, require, set_clock, stamp  # noqa: E402

RULE = """
- id: {id}
  rev: 1
  status: stable
  title: {title}
  category: medins_safe_account
  level: {level}
  match: {{words: [[{word}], [转账]], near: 60}}
  threshold: {{count: 1, within: 2h, feeds: 1}}
  expires: 240h
  say:
    voice: 防骗提醒。有人打电话让您转账。这是骗子。先问护士或者保安。
    voice_short: 防骗提醒。让您转账的电话，是骗子打的。先问护士或者保安。
    screen: {{headline: {title}, lines: [别转账]}}
    chat: 【防骗提醒】{{{{issuer}}}} {{{{time}}}} {title}。这是诈骗。{{{{valid}}}} 前有效，编号 {{{{id}}}}
    duty: '{title}'
    caught: 已经转了的，马上打 110。
    correction: 更正。刚才的提醒有误。
  samples:
    match: ['请转账到{word}', '{word}转账', '转账到{word}核查', '请把钱转账到{word}', '{word}，立即转账']
    pass: ['今天天气好', '请按时复诊', '转账成功', '安全出口', '余额']
"""
RULES = {"red": ("安全账户", "红的骗局"), "orange": ("保证金", "橙的骗局"), "yellow": ("手续费", "黄的骗局"), "blue": ("运费险", "蓝的骗局")}


class Chats(Rig):
    """A relay whose clock begins at `begin` of tomorrow, and groups that keep the defaults of their audience."""

    def __init__(self, tocsin, standin, begin):
        pack = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash", "pack")
        super().__init__("chats", tocsin, standin, pack)
        self.pack = self.path("pack")
        os.makedirs(self.pack)
        with open(self.path("pack/rules.yaml"), "w", encoding="utf-8") as f:
            for level, (word, title) in RULES.items():
                f.write(RULE.format(id=f"a_{level}", title=title, level=level, word=word))
        day = datetime.now(ZONE) + timedelta(days=1)
        while day.weekday() != 1:  # a Tuesday: the weekly digest of Monday is six days away
            day += timedelta(days=1)
        hour, minute = begin.split(":")
        self.offset = int((day.replace(hour=int(hour), minute=int(minute), second=0) - datetime.now(ZONE)).total_seconds())
        self.clock(0)
        self.env = faketime(self.path("clock"), wall_only=True)

    def clock(self, forward):
        """Sets the relay's clock forward by so many seconds."""
        self.offset += forward
        set_clock(self.path("clock"), self.offset)

    def now(self):
        return datetime.now(ZONE) + timedelta(seconds=self.offset)

    def begin(self, chats, **standin):
        self.broker_start()
        self.standin_start(**standin)
        self.listen()
        self.configure(chats=chats, sites=[], relay=IN_ZONE, route={"receiver": "all", "group_by": ["rule", "area6"]},
                       receivers=[{"name": "all", "pa": [], "displays": [], "chats": "all"}])
        self.relay_start(self.env)

    def group(self, name, audience, **more):
        chat = self.wecom_chat(name, audience=audience, **{"quiet": [], **more})
        chat.pop("pace") if "pace" not in more else None
        return chat

    def happens(self, level, **more):
        """One event of a district of its own; count 5 makes it Likely."""
        text = f"请把钱转账到{RULES[level][0]}核查"
        event = self.publish(1, text=text, sent_at=stamp(self.now()), **more)[0]
        self.until_accepted()
        return self.accepted[event]

    def heard(self, group):
        return [m["content"] for m in self.lines_of("chat") if m["key"] == group]

    def until_heard(self, group, n):
        self.until(f"{n} messages in {group}", 8, lambda: len(self.heard(group)) >= n)
        require(len(self.heard(group)) == n, f"{group} has heard {len(self.heard(group))} instead of {n}: {self.heard(group)}")

    def row(self, alert, target):
        """The newest delivery of an alert for a target."""
        return next(d for d in self.ask("deliveries", "list", "--alert", alert) if d["target"] == f"wecom:{target}")


def levels(args):
    """Each audience hears of each level when the table says: at once, after a yes, in a digest, never."""
    with Chats(args.tocsin, args.standin, "09:40") as rig:
        rig.begin([rig.group("street", "public"), rig.group("desk", "duty"), rig.group("goose", "volunteer")])
        rig.happens("red")
        for group in ("street", "desk", "goose"):
            rig.until_heard(group, 1)
        possible = rig.happens("red", count=1)
        rig.until_heard("desk", 2)
        require(rig.row(possible, "street")["state"] == "held" and rig.row(possible, "street")["reason"] == "approval",
                f"a single source reached the public: {rig.row(possible, 'street')}")
        oranges = [rig.happens("orange") for _ in range(2)]
        rig.until_heard("desk", 4)
        yellow, blue = rig.happens("yellow"), rig.happens("blue")
        for group in ("street", "desk"):
            require(rig.row(blue, group)["state"] == "suppressed", f"blue was not kept from {group}")
        for group, alert, day in (("street", oranges[0], 0), ("goose", oranges[1], 0), ("desk", yellow, 0), ("street", yellow, 6)):
            row = rig.row(alert, group)
            due = datetime.fromisoformat(row["due"])
            wanted = (rig.now() + timedelta(days=day)).replace(hour=10, minute=0, second=0)
            require(row["state"] == "queued" and abs((due - wanted).total_seconds()) <= 601,
                    f"{group} is to hear of {alert} at {row['due']}, not {wanted}")
        rig.clock(31 * 60)
        rig.until_heard("street", 2)
        rig.until_heard("goose", 2)
        digest = rig.heard("street")[1]
        require("共 2 条" in digest and digest.count("橙的骗局") == 2, f"no digest: {digest}")
        rig.until_heard("desk", 5)
        require("黄的骗局" in rig.heard("desk")[4], f"the desk's digest: {rig.heard('desk')[4]}")
        rig.until("the rows", 5, lambda: rig.row(oranges[1], "street")["state"] in ("sent", "suppressed"))
        states = sorted((rig.row(o, "street")["state"], rig.row(o, "street")["reason"][:11]) for o in oranges)
        require(states[0][0] == "sent" and states[1] == ("suppressed", "folded into"), f"the digest's rows: {states}")
        for n, orange in enumerate(oranges):  # whoever heard of it, if only in a digest, hears that it was wrong
            rig.ask("alerts", "cancel", orange, "--by", "王", "--reason", "弄错了")
            rig.until_heard("street", 3 + n)
            said = rig.heard("street")[2 + n]
            require("更正" in said and "前面的提醒有误" in said, f"half an hour later, in writing: {said}")
        rig.ask("alerts", "cancel", yellow, "--by", "王", "--reason", "弄错了")
        rig.until_heard("desk", 8)
        rig.until("the street's row", 5, lambda: rig.row(yellow, "street")["state"] == "cancelled")  # it never heard


def limits(args):
    """Three of one rule, five in all; the rest in digests, which count; the next day's begin anew. A Cancel always goes."""
    with Chats(args.tocsin, args.standin, "13:10") as rig:
        rig.begin([rig.group("goose", "volunteer", pace={"a_day": 5, "digest_spread": "0"})])
        alerts = [rig.happens("red") for _ in range(5)]
        rig.until_heard("goose", 3)
        for late in alerts[3:]:
            row = rig.row(late, "goose")
            require(row["state"] == "queued" and "over the limit" in row["reason"] and "T14:00:00" in row["due"], f"over the limit: {row}")
        rig.ask("alerts", "cancel", alerts[0], "--by", "王", "--reason", "弄错了")
        rig.until_heard("goose", 4)  # a correction, which is not counted
        require("更正" in rig.heard("goose")[3], rig.heard("goose")[3])
        # The newest is the correction; killed before its outcome is kept, it would go again, marked.
        rig.until("the correction's outcome", 5, lambda: rig.row(alerts[0], "goose")["state"] == "sent")
        rig.relay_kill()  # what a group has heard today outlives a crash
        rig.relay_start(rig.env)
        late = rig.happens("red")
        require("over the limit" in rig.row(late, "goose")["reason"], f"forgotten by a crash: {rig.row(late, 'goose')}")
        rig.clock(3600)
        rig.until_heard("goose", 5)  # the digest is the fourth message of the day
        require("共 3 条" in rig.heard("goose")[4], rig.heard("goose")[4])
        orange = rig.happens("red")
        rig.clock(3600)
        rig.until_heard("goose", 6)  # a digest of one: the fifth and last
        last = rig.happens("red")
        rig.until("the last one's row", 5, lambda: "over the limit" in rig.row(last, "goose")["reason"])
        require("T00:00:00" in rig.row(last, "goose")["due"], f"not tomorrow: {rig.row(last, 'goose')}")
        require(rig.row(orange, "goose")["state"] == "sent", f"a digest of one: {rig.row(orange, 'goose')}")
        rig.clock(9 * 3600)  # after midnight
        rig.until_heard("goose", 7)
        rig.happens("red")
        rig.until_heard("goose", 8)  # a new day, a new count


def night(args):
    """What comes in quiet hours goes out together when they end, and not at the same second everywhere."""
    with Chats(args.tocsin, args.standin, "23:00") as rig:
        rig.begin([rig.group("street", "public", quiet=["21:30-07:30"]), rig.group("club", "public", quiet=["21:30-07:30"])])
        alerts = [rig.happens("red") for _ in range(2)]
        rows = [rig.row(a, g) for a in alerts for g in ("street", "club")]
        require(all(r["state"] == "held" and r["reason"] == "quiet_hours" for r in rows), f"not held: {rows}")
        require(rows[0]["due"] != rows[1]["due"] and rows[0]["due"] == rows[2]["due"], f"not spread by the target: {rows}")
        rig.clock(8 * 3600 + 32 * 60)
        rig.until_heard("street", 1)
        rig.until_heard("club", 1)
        require("共 2 条" in rig.heard("street")[0], rig.heard("street")[0])


def late(args):
    """What a service's pause has carried into the quiet hours waits for their end; what a person asks for goes."""
    with Chats(args.tocsin, args.standin, "21:00") as rig:
        quiet = ["21:30-24:00", "00:00-07:30"]
        rig.begin([rig.group("street", "public", quiet=quiet)], script="http503:1800")
        alert = rig.happens("red")
        rig.until("the pause", 5, lambda: "HTTP 503" in rig.row(alert, "street")["reason"])
        rig.clock(45 * 60)
        rig.until("its hold", 5, lambda: rig.row(alert, "street")["state"] == "held")
        row = rig.row(alert, "street")
        due = datetime.fromisoformat(row["due"])
        morning = (rig.now() + timedelta(days=1)).replace(hour=7, minute=30, second=0)
        require(row["reason"] == "quiet_hours" and timedelta(seconds=-1) <= due - morning <= timedelta(seconds=91),
                f"not until the morning: {row}")
        require(len(rig.heard("street")) == 1, f"sent at night: {rig.heard('street')}")
        rig.ask("target", "test", "wecom:street")
        rig.until_heard("street", 2)
        rig.clock(10 * 3600)
        rig.until_heard("street", 3)
        rig.until("the row", 5, lambda: rig.row(alert, "street")["state"] == "sent")


def asked(args):
    """What a person sends once more breaks no quiet hour: neither what goes in digests by day, nor what its channel refuses
    until the night."""
    with Chats(args.tocsin, args.standin, "09:40") as rig:
        rig.begin([rig.group("street", "public", quiet=["21:30-24:00", "00:00-07:30"])], script="0,0,http503:1800")
        orange = rig.happens("orange")
        rig.clock(31 * 60)
        rig.until("its digest", 8, lambda: rig.row(orange, "street")["state"] == "sent")
        rig.ask("deliveries", "replay", rig.row(orange, "street")["id"], "--by", "王队")
        rig.until_heard("street", 2)
        rig.until("its end", 5, lambda: rig.row(orange, "street")["state"] == "sent")
        rig.clock(11 * 3600)  # 21:11
        rig.ask("deliveries", "replay", rig.row(orange, "street")["id"], "--by", "王队")
        rig.until("the pause", 5, lambda: "HTTP 503" in rig.row(orange, "street")["reason"])
        rig.clock(45 * 60)
        rig.until("its hold", 5, lambda: rig.row(orange, "street")["state"] == "held")
        require(rig.row(orange, "street")["reason"] == "quiet_hours", f"said at night: {rig.row(orange, 'street')}")
        rig.clock(10 * 3600)
        rig.until("the morning", 5, lambda: rig.row(orange, "street")["state"] == "sent")
        rig.clock(15 * 3600)  # at night again
        done = subprocess.run(rig.command("deliveries", "replay", rig.row(orange, "street")["id"], "--by", "王队"), capture_output=True,
                              text=True, timeout=60, env=dict(os.environ, TOCSIN_LANG="en"))
        require(done.returncode == 1 and "quiet hours" in done.stderr, f"an orange one goes at night: {done}")


def mended(args):
    """A target whose key was refused gets what waited for it after a restart and after a reload; a digest keeps its hour."""
    with Chats(args.tocsin, args.standin, "09:00") as rig:
        rig.begin([rig.group("street", "public", pace={"a_day": 0, "a_rule": 0})], script="93000,0,0,93000")
        alerts = []
        for way in ("restart", "reload"):
            alerts += [rig.happens("red")]
            rig.until("the refusal", 5, lambda: "disabled" in rig.row(alerts[-1], "street")["reason"])
            alerts += [rig.happens("red")]
            rig.until("the other to wait too", 5, lambda: "disabled" in rig.row(alerts[-1], "street")["reason"])
            digest = rig.happens("orange")
            if way == "restart":
                rig.relay_stop()
                rig.relay_start(rig.env)
            else:
                rig.relay.send_signal(signal.SIGHUP)
            rig.until(f"both to be sent after the {way}", 8, lambda: all(rig.row(a, "street")["state"] == "sent" for a in alerts))
            require(rig.row(digest, "street")["reason"] == "waits for the digest", f"the digest: {rig.row(digest, 'street')}")


def stop(args):
    """A stop waits for the answer of a message that is under way, so that nobody hears it twice; not for ever."""
    with Chats(args.tocsin, args.standin, "10:00") as rig:
        rig.begin([rig.group("street", "public")], delay=700, script="0,hang")
        alert = rig.happens("red")
        rig.until("the message", 5, lambda: rig.row(alert, "street")["state"] == "sending")
        rig.relay_stop()
        rig.relay_start(rig.env)
        require(rig.row(alert, "street")["state"] == "sent", f"its answer was not heard: {rig.row(alert, 'street')}")
        silent = rig.happens("red")
        rig.until_heard("street", 2)
        rig.relay_stop()  # ten seconds would be too long
        rig.relay_start(rig.env)
        rig.until_heard("street", 3)
        require("可能重复" in rig.heard("street")[2], f"not marked: {rig.heard('street')}")
        rig.until("its outcome", 5, lambda: rig.row(silent, "street")["state"] == "sent")


def twins(args):
    """The doctor names two groups with one address, without showing it."""
    with Chats(args.tocsin, args.standin, "10:00") as rig:
        rig.configure(chats=[rig.group("street", "public"), {**rig.group("street", "public"), "id": "club"}, rig.group("desk", "duty")])
        done = subprocess.run(rig.command("doctor", "--json"), capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, TOCSIN_LANG="en"))
        found = [f["text"] for f in json.loads(done.stdout)["findings"] if f["check"] == "chat.address"]
        require(len(found) == 1 and "wecom:club has the address of wecom:street" in found[0], f"not named: {found}")
        require("key=" not in done.stdout, "the doctor shows the key")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--standin", required=True)
    parser.add_argument("scenarios", nargs="*")
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    known = {f.__name__: f for f in (levels, limits, night, late, asked, mended, stop, twins)}
    for name in args.scenarios or known:
        if name not in known:
            raise Failed(f"there is no scenario {name}; there are {', '.join(known)}")
        known[name](args)
        print(json.dumps({"scenario": name, "passed": True}), flush=True)


if __name__ == "__main__":
    main()
