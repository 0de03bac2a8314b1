#!/usr/bin/env python3
"""Random sequences of what happens to a relay, checked after every step against a small model of it.

Operators confirm, dismiss, approve, reject, acknowledge, cancel, silence, drill, switch sites and replay; feeds publish and take
back; devices answer; a group cannot be reached; the clock goes on; the relay is stopped and killed with -9. The clock stands
still but for what the test lets pass, so that every due time is met exactly. After each step the store's alerts, deliveries,
steps, screens and records of persons, and at the end what the groups have read, must be what the model says.

usage: model.py --tocsin PROGRAM [--seed N] [--runs N] [--ops N] [--keep N,N,…]
A failure prints the seed, then looks for a shorter sequence that still fails (--keep replays one).
"""
import argparse
import http.client
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import Control, IN_ZONE, ZONE, Failed, Rig, faketime, set_clock  # noqa: E402
from reference import (  # noqa: E402
    ACTUAL, AREAS, Ambiguous, CHATS, EXERCISE, HOUR, MINUTE, Model, OBSERVED, PACK, PEOPLE, REPEAT, RULES, SITES, STATES, STEPS,
    is_chat, is_state, site_of)


# -- the relay, and what it is compared with ---------------------------------------------------------------------------


def canonical(state, reason):
    """A delivery's state with as much of its reason as the model knows."""
    name = STATES[state]
    if name in ("queued", "retry"):
        return "wait"
    if name == "held":
        return f"held:{reason}"
    if name in ("expired", "cancelled"):
        return f"{name}:trial" if reason.startswith("trial") else f"{name}:"
    if name == "suppressed":
        if reason.startswith("folded into"):
            return "sent"
        for known in ("superseded", "trial: superseded", "announce_again", "announce_per_day", "nobody approved in time"):
            if reason.startswith(known):
                return f"supp:{known}"
        return f"supp:{reason}"
    return name


class World:
    """The real relay beside its model."""

    def __init__(self, rig, seed):
        self.rig, self.number, self.replayed = rig, 0, Counter()
        noon = datetime.now(ZONE).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
        self.model = Model((noon + timedelta(hours=seed % 7)).timestamp())
        self.env = faketime(rig.path("clock"))
        self.write_clock()
        self.write_pack()
        rig.broker_start()
        rig.subscribe("tocsin/v1/pa/#")  # what nobody hears is not taken for said
        for chat in CHATS:
            os.makedirs(rig.path(chat))
        self.configure()
        self.db = None
        rig.relay_start(self.env)

    def configure(self):
        m = self.model
        chats = [{"id": c, "type": "file", "audience": a, "path": self.rig.path(f"{c}/log.jsonl"), "quiet": ["22:00-07:00"] if c == "club" else [],
                  "drills": c == "watch", "areas": ["610101"] if c == "pub" else []} for c, a in CHATS.items()]
        self.rig.configure(
            relay={**IN_ZONE, "announce_per_day": 3, "silence_reminder": "0s"}, chats=chats,
            feeds=[{"id": f, "type": "bank", "areas": ["61"]} for f in ("f1", "f2")],
            sites=[{"id": s, "name": s, "area": a, "zones": [{"id": "hall", "class": "hall"}],
                    "wards": [{"id": w, "name": w} for w in ("w1", "w2") if f"board:{s}/{w}" in m.targets]} for s, a in m.sites.items()],
            route={"receiver": "everyone", "group_by": ["rule", "area6"], "group_interval": "0s", "repeat_interval": f"{REPEAT}s",
                   "escalate": [{"after": f"{after}s", "chats": sorted(c)} for after, c in STEPS.values()],
                   "routes": [{"matchers": ['level="orange"', 'area6="610103"'], "approve": "one", "escalate": []},
                              {"matchers": ['level="orange"', 'area6="610104"'], "approve": "two", "escalate": []},
                              {"matchers": ['level="orange"'], "escalate": []},
                              {"matchers": ['area6="610103"'], "approve": "one"}, {"matchers": ['area6="610104"'], "approve": "two"}]},
            receivers=[{"name": "everyone", "pa": ["announce", "bulletin"], "displays": sorted(m.displays), "chats": ["watch", "club", "pub"]}])

    def write_pack(self):
        folder = self.rig.path("rules")
        os.makedirs(folder, exist_ok=True)
        words = {"m_red": "[[安全账户], [转账]]", "m_orange": "[[医保卡], [停用]]"}
        samples = {"m_red": ["请把钱转账到安全账户", "安全账户 转账", "转账到安全账户核查", "为了资金安全请转账到安全账户", "安全账户，立即转账"],
                   "m_orange": ["您的医保卡已停用", "医保卡 停用", "医保卡停用通知", "停用了医保卡", "医保卡，已经停用"]}
        with open(os.path.join(folder, "rules.yaml"), "w") as f:
            for name in sorted(self.model.loaded):
                r = RULES[name]
                f.write(PACK.format(id=name, level=r["level"], words=words[name], count=r["count"], hours=r["expires"] // HOUR,
                                    samples=json.dumps(samples[name], ensure_ascii=False)))
        self.rig.pack = folder

    def write_clock(self):
        set_clock(self.rig.path("clock"), datetime.fromtimestamp(self.model.now, ZONE))

    def tick(self, seconds):
        to = self.model.now + seconds
        while True:  # the end of quiet hours is spread over a minute and a half that nobody can foretell
            edge = next((e for e in self.model.quiet_edges() if e <= to <= e + 91), None)
            if edge is None:
                break
            to = edge + 92
        self.model.pass_time(to)
        self.write_clock()

    def ask(self, method, path, body=None):
        c = Control(os.path.join(self.rig.state, "control.sock"))
        try:
            c.request(method, path, json.dumps(body) if body is not None else None)
            answer = c.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            c.close()

    def verb(self, path, action, works, **body):
        """Asks for it, and the relay must say yes when the model does."""
        status, answer = self.ask("POST", f"/v1/{path}", body)
        if (status == 200) != bool(works):
            raise Failed(f"{path} {body}: the model says {'yes' if works else 'no'}, the relay {status} {answer}")
        if works:
            self.model.actions[action] += 1
        return works

    # .. comparing

    def expected(self):
        m, out = self.model, {}
        for a in m.alerts + m.notices:
            out["alert", a.n] = (a.rule, a.area, a.status, a.certainty, a.count, a.rev, int(a.expires), bool(a.ended), a.acked, a.withdrawn)
            out["steps", a.n] = tuple(sorted(a.steps))
            for d in a.rows:
                out["delivery", a.n, d.rev, d.target] = d.state
        for target, shown in m.showing.items():
            for a, d in shown.items():
                out["shown", target, a.n] = d.rev
        out["candidates"] = tuple(sorted(n for n, e in m.events.items() if not e["alert"] and not e["gone"]))
        for verb, n in m.actions.items():
            out["action", verb] = n
        return out

    def actual(self):
        if self.db is None:
            self.db = sqlite3.connect(f"file:{self.rig.state}/tocsin.db?mode=ro", uri=True, timeout=5, isolation_level=None)
        out, db = {}, self.db
        db.execute("BEGIN")
        for n, rule, area, status, certainty, count, rev, expires, ended, acked, withdrawn in db.execute(
                "SELECT n, rule, areas, status, certainty, count, rev, expires, ended, acked_by, withdrawn FROM alert"):
            out["alert", n] = (rule, area, status, certainty, count, rev, expires // 1000, ended is not None, acked, withdrawn != 0)
            out["steps", n] = ()
        for n, steps in db.execute("SELECT alert, group_concat(step) FROM escalation WHERE due IS NOT NULL GROUP BY alert"):
            out["steps", n] = tuple(sorted(int(s) for s in steps.split(",")))
        for alert, rev, target, state, reason in db.execute(
                "SELECT d.alert, d.rev, t.name, d.state, d.reason FROM delivery d JOIN target t ON t.id = d.target"):
            out["delivery", alert, rev, target] = canonical(state, reason)
        for target, alert, rev in db.execute("SELECT t.name, s.alert, d.rev FROM showing s JOIN target t ON t.id = s.target "
                                             "JOIN delivery d ON d.id = s.delivery"):
            out["shown", target, alert] = rev
        out["candidates"] = tuple(sorted(int(i[1:]) for i, in db.execute(
            "SELECT event_id FROM event WHERE alert IS NULL AND reviewed IS NULL AND note = 'candidate'")))
        for verb, n, named in db.execute("SELECT verb, count(*), sum(actor <> '') FROM action GROUP BY verb"):
            out["action", verb] = n if n == named else f"{n - named} of {n} without a name"
        db.execute("COMMIT")
        return out

    def settle(self, done=lambda: True, again=lambda: None):
        """Until the relay is as the model says; what waits for a reconnect gets a second now and
        then, but no event is on its way meanwhile: the model knows when it was accepted."""
        for i in range(160):
            self.rig.must_live()
            try:  # a word wakes it: its own waits are by a clock that stands still
                _, status = self.ask("GET", "/v1/status")
            except (OSError, http.client.HTTPException):
                continue  # a connection that was open while hours went by
            connected = status["broker"] and all(f["up"] for f in status["feeds"])
            if connected and done() and self.actual() == self.expected():
                return
            time.sleep(0.02)
            if i % 8 == 7 and (done() or i > 60):
                self.tick(1 if i < 24 else 7)
            if i % 40 == 39 and not done():
                again()  # it has no receipt
        is_, must = self.actual(), self.expected()
        lines = [f"  {k}: is {is_.get(k)!r}, must be {must.get(k)!r}" for k in sorted(set(is_) | set(must), key=str)
                 if is_.get(k) != must.get(k)]
        raise Failed("the relay is not what the model says:\n" + "\n".join(lines[:20]))

    def known(self, number):
        return lambda: self.db and self.db.execute("SELECT 1 FROM event_key WHERE event_id = ?", (f"e{number}",)).fetchone()

    def push(self, feed, **members):
        self.number += 1
        sent = datetime.fromtimestamp(self.model.now, ZONE).isoformat(timespec="milliseconds")
        line = json.dumps({"event_id": f"e{self.number}", "sent_at": sent, **members}, ensure_ascii=False)
        self.rig.push(line, feed)
        return line

    # .. what may happen: each takes random numbers, so that it still means something in a shorter sequence

    def one(self, things, r):
        things = list(things)
        return things[r % len(things)] if things else None

    def op_event(self, r, s, kill=False):
        m = self.model
        feed = ("f1", "f1", "f2")[r % 3]
        rule = ("m_red", "m_orange")[r // 3 % 2]
        area = self.one(AREAS, r // 6)
        count = (1, 1, 2, 3, 5, 16)[s % 6]
        status = EXERCISE if s // 6 % 4 == 0 else ACTUAL
        kind = "report" if feed == "f2" else "call"
        if kill:
            self.back_again()
        until = m.now + HOUR if s // 24 % 6 == 0 else float("inf")
        try:
            m.event(self.number + 1, feed, rule, area, count, status, kind, until)
        except Ambiguous:
            return
        ends = {} if until == float("inf") else {"expires_at": datetime.fromtimestamp(until, ZONE).isoformat(timespec="milliseconds")}
        line = self.push(feed, kind=kind, text=RULES[rule]["text"], area=area, count=count, **ends,
                         status="Exercise" if status == EXERCISE else "Actual")
        if kill:
            self.op_kill(r, s)
        self.settle(self.known(self.number), lambda: self.rig.push(line, feed))

    def op_event_killed(self, r, s):
        self.op_event(r, s, kill=True)

    def op_take_back(self, r, s):
        e = self.one(self.model.events.values(), r)
        if not e:
            return
        line = self.push(e["feed"], msg_kind="cancel", references=[f"e{e['number']}"], kind="call", text="撤回",
                         status="Exercise" if e["group"][2] == EXERCISE else "Actual")
        self.model.take_back(e["number"])
        self.settle(self.known(self.number), lambda: self.rig.push(line, e["feed"]))

    def op_update(self, r, s):
        m, e = self.model, self.one(self.model.events.values(), r)
        if not e:
            return
        rule, area, count, status = self.one(RULES, s), self.one(AREAS, s // 2), (1, 3, 16)[s // 8 % 3], e["group"][2]
        try:
            m.count_window((rule, area, status))
        except Ambiguous:
            return
        number = self.number + 1
        m.take_back(e["number"], lambda: m.event(number, e["feed"], rule, area, count, status, "call"))
        line = self.push(e["feed"], msg_kind="update", references=[f"e{e['number']}"], kind="call", text=RULES[rule]["text"], area=area,
                         count=count, status="Exercise" if status == EXERCISE else "Actual")
        self.settle(self.known(self.number), lambda: self.rig.push(line, e["feed"]))

    def an_alert(self, r):
        return self.one(self.model.alerts[-6:], r)

    def alert_id(self, a):
        return self.db.execute("SELECT id FROM alert WHERE n = ?", (a.n,)).fetchone()[0]

    def op_confirm(self, r, s):
        m, a, who = self.model, self.an_alert(r), self.one(PEOPLE, s)
        if not a:
            return
        works = m.in_force(a) and (a.certainty < OBSERVED or a.withdrawn)
        if self.verb("alerts/confirm", "alert.confirm", works, id=self.alert_id(a), by=who):
            if a.withdrawn:
                a.withdrawn = False
                return
            a.certainty = OBSERVED
            m.seen(a, who)
            m.publish(a, fresh=m.now - a.created <= 2 * HOUR, approved=True)

    def a_candidate(self, r):
        e = self.one((e for e in self.model.events.values() if not e["alert"] and not e["gone"]), r)
        row = e and self.db.execute("SELECT id FROM event WHERE event_id = ?", (f"e{e['number']}",)).fetchone()
        return (e, row[0]) if row else (None, None)

    def op_confirm_event(self, r, s):
        m, (e, row), who = self.model, self.a_candidate(r), self.one(PEOPLE, s)
        if not e:
            return
        try:
            n = m.count_window(e["group"])[0]
        except Ambiguous:
            return
        taken = any(a.group == e["group"] and m.in_force(a) for a in m.alerts)
        works = not taken and e["until"] > m.now and e["group"][0] in m.loaded
        if self.verb("alerts/confirm", "alert.confirm", works, id=str(row), by=who):
            m.alert(e["group"], OBSERVED, max(n, e["count"]), e["until"], fresh=m.now - e["at"] <= 2 * HOUR,
                    approved=True, acked=who)
            e["stands"] = True

    def op_dismiss(self, r, s):
        e, row = self.a_candidate(r)
        if e and self.verb("alerts/dismiss", "event.dismiss", True, id=str(row), by=self.one(PEOPLE, s)):
            for other in self.model.events.values():
                if other["group"] == e["group"] and not other["alert"]:
                    other["gone"] = True
            if not any(a.group == e["group"] and self.model.in_force(a) for a in self.model.alerts):
                self.model.windows.pop(e["group"], None)

    def op_approve(self, r, s):
        m, a, who = self.model, self.an_alert(r), self.one(PEOPLE, s)
        if not a:
            return
        held = [d for d in a.rows if d.state.startswith("held:approval")]
        works = held and who not in a.approvers
        if self.verb("alerts/approve", "alert.approve", works, id=self.alert_id(a), by=who):
            a.approvers.add(who)
            for d in held:
                if d.state == "held:approval" or len(a.approvers) >= 2:
                    m.release(d)
            m.seen(a, who)

    def op_reject(self, r, s):
        a, who = self.an_alert(r), self.one(PEOPLE, s)
        if not a:
            return
        held = [d for d in a.rows if d.state.startswith("held:approval")]
        if self.verb("alerts/reject", "alert.reject", held, id=self.alert_id(a), by=who):
            a.rejected = True
            for d in held:
                d.state = "rejected"
            self.model.seen(a, who)

    def op_ack(self, r, s):
        a, who = self.an_alert(r), self.one(PEOPLE, s)
        if a and self.verb("alerts/ack", "alert.ack", not getattr(a, "said_seen", False), id=self.alert_id(a), by=who):
            a.said_seen = True
            self.model.seen(a, who)

    def op_cancel(self, r, s):
        m, a = self.model, self.an_alert(r)
        if not a:
            return
        site = ("", "", "s1", "s2")[s % 4]
        works = m.in_force(a) and (not site or m.sites[site] == a.area)
        if self.verb("alerts/cancel", "alert.cancel", works, id=self.alert_id(a), by=self.one(PEOPLE, s), site=site):
            m.cancel(a)

    def op_silence(self, r, s):
        m = self.model
        area, rule = self.one(AREAS, r), self.one(RULES, r // 4)
        matchers, fits = ((f'area6="{area}"', lambda a: a.area == area), (f'rule="{rule}"', lambda a: a.rule == rule),
                          (f'area6="{area}", rule="{rule}"', lambda a: a.area == area and a.rule == rule))[s % 3]
        lasts = (5, 40, 300)[s // 3 % 3]
        self.verb("silence/add", "silence.add", True, matchers=matchers, by=self.one(PEOPLE, s), reason="试", **{"for": f"{lasts}m"})
        m.silences.append(dict(fits=fits, until=m.now + lasts * MINUTE, ended=False))
        why = f"supp:silence {len(m.silences)}"
        for a in m.alerts:
            if not m.in_force(a) or not fits(a):
                continue
            for d in a.rows:
                if not d.cancel and (d.waiting or d.open and d.target in m.targets):
                    m.end(d, why)
            for shown in m.showing.values():
                shown.pop(a, None)

    def op_silence_expire(self, r, s):
        m = self.model
        if not m.silences:
            return
        n = r % len(m.silences)
        works = not m.silences[n]["ended"] and m.silences[n]["until"] > m.now
        if self.verb("silence/expire", "silence.expire", works, id=str(n + 1), by=self.one(PEOPLE, s)):
            m.silence_over(m.silences[n])

    def op_drill_start(self, r, s):
        m, site = self.model, ("", "", "s1", "s2")[r % 4]
        lasts = (4, 30)[s % 2]
        if self.verb("drill/start", "drill.start", not m.drill(), by=self.one(PEOPLE, s), site=site, **{"for": f"{lasts}m"}):
            for e in m.alerts:
                if e.status == EXERCISE and m.in_force(e):
                    m.end_exercise(e, "supp:drill started", speech_only=False)
            m.forget_exercises()
            m.drills.append(dict(site=site, at=m.now, until=m.now + lasts * MINUTE, ended=False, real=None))

    def op_drill_stop(self, r, s):
        m, d = self.model, self.model.drill()
        if self.verb("drill/stop", "drill.stop", d, by=self.one(PEOPLE, s)):
            for e in m.alerts:
                if e.status == EXERCISE and m.in_force(e):
                    m.end_exercise(e, "supp:drill stopped", speech_only=False)
            m.forget_exercises()
            d["ended"] = True

    def op_mode(self, r, s):
        m, site, mode = self.model, self.one(SITES, r), ("trial", "screens", "live")[s % 3]
        self.verb("site/mode", "site.mode", True, id=f"{site} {mode}", by=self.one(PEOPLE, s))
        order = ("trial", "screens", "live")
        before, m.mode[site] = m.mode[site], mode
        for t in m.targets:
            if site_of(t) != site:
                continue
            shows = mode == "live" or (mode == "screens" and t.startswith("board:"))
            if order.index(mode) > order.index(before):
                for a in m.alerts:
                    for d in a.rows:
                        if is_state(t) and shows and d.target == t and d.state.startswith("held:trial"):
                            m.site_goes_on(d)
            elif order.index(mode) < order.index(before) and not shows:
                for a in m.alerts:
                    if a.status == EXERCISE:
                        continue
                    for d in a.rows:
                        if d.target == t and not d.cancel and (d.waiting and not d.state.startswith("held:trial") or d.open):
                            m.end(d, "supp:trial: the site went back")
                    if is_state(t) and a in m.showing[t] and not m.showing[t][a].cancel:
                        del m.showing[t][a]
        m.groups_go_back()
        if mode != "trial":
            m.reload(moved=False, site=site)

    def op_replay(self, r, s):
        m = self.model
        d = self.one((d for a in m.alerts[-6:] for d in a.rows), r)
        if not d:
            return
        identity = f"{self.alert_id(d.alert)}.{d.rev}/{d.target}"
        if self.verb("deliveries/replay", "delivery.replay", m.may_replay(d), id=identity, by=self.one(PEOPLE, s)):
            m.go(d)
            m.note_speech(d)

    def op_reload(self, r, s):
        """Other words in the files: a site's area, its wards, the route, the rules; by a signal or by a restart."""
        m, site = self.model, self.one(sorted(self.model.sites), s // 2)
        self.back_again()
        what = r % 4
        if what == 0:
            m.sites[site] = self.one(AREAS, r // 4)
        elif what == 1:
            ward = f"board:{site}/{('w1', 'w2')[r // 4 % 2]}"
            m.targets.remove(ward) if ward in m.targets else m.targets.append(ward)
        elif what == 2:
            m.displays ^= {site}
        else:
            m.loaded ^= {"m_orange"}
        if s % 2:
            self.rig.relay_stop()
        self.configure()
        self.write_pack()
        if s % 2:
            self.rig.relay_start(self.env)
        else:
            before = self.rig.log().count("reloaded ")
            self.rig.relay.send_signal(signal.SIGHUP)
            for _ in range(200):
                self.ask("GET", "/v1/status")
                if self.rig.log().count("reloaded ") > before:
                    break
                time.sleep(0.02)
            else:
                raise Failed("no reload: " + self.rig.log()[-500:])
        m.reload()
        m.groups_go_back()

    def op_too_late(self, r, s):
        """An event that is over when it comes is counted, and nobody makes an alert of it."""
        past = datetime.fromtimestamp(self.model.now - HOUR, ZONE).isoformat(timespec="milliseconds")
        line = self.push("f1", kind="call", text=RULES["m_red"]["text"], area=self.one(AREAS, r), count=5, expires_at=past)
        self.settle(self.known(self.number), lambda: self.rig.push(line, "f1"))
        row, = self.db.execute("SELECT id FROM event WHERE event_id = ?", (f"e{self.number}",)).fetchone()
        verb = ("confirm", "dismiss")[s % 2]
        self.verb(f"alerts/{verb}", "", False, id=str(row), by=self.one(PEOPLE, s))

    def op_board_shows(self, r, s):
        t = self.one((t for t in self.model.targets if t.startswith("board:")), r)
        if all(d.state != "sent" for d in self.model.showing[t].values()):
            return  # nobody could tell when it has been heard
        self.rig.device_says(f"displays/{t[6:]}/ack", {"rev": 10**9, "state": "displayed",
                                                       "at": datetime.fromtimestamp(self.model.now, ZONE).isoformat()})
        for d in self.model.showing[t].values():
            if d.state == "sent":
                d.state = "displayed"

    def op_player_plays(self, r, s):
        d = self.one((d for a in self.model.alerts for d in a.rows if d.target.startswith("pa:") and d.state == "sent"
                      and a.newest(d.target) is d), r)
        if d:
            self.rig.device_says(f"{d.target.replace(':', '/')}/log", {
                "id": f"{self.alert_id(d.alert)}.{d.rev}/{d.target}", "state": "played",
                "at": datetime.fromtimestamp(self.model.now, ZONE).isoformat()})
            d.state = "played"

    def op_group_away(self, r, s):
        """A group cannot be reached for a while."""
        m, path = self.model, self.rig.path("pub")
        if "file:pub" in m.down:
            os.rename(path + ".away", path)
            self.tick(75)  # longer than any wait between two attempts
            m.down.clear()
            for a in m.alerts:
                for d in a.rows:
                    if d.target == "file:pub" and d.state == "wait":
                        m.go(d)
        else:
            os.rename(path, path + ".away")
            m.down.add("file:pub")

    def op_time(self, r, s):
        self.tick((1, 20, 61, 130, 11 * MINUTE, 40 * MINUTE, 3 * HOUR, 9 * HOUR)[r % 8])

    def back_again(self):
        if self.model.down:  # a target that cannot be used at a start is left out until a reload
            self.op_group_away(0, 0)
            self.settle()

    def op_restart(self, r, s):
        self.back_again()
        self.rig.relay_stop()
        self.op_time(r, s)
        self.rig.relay_start(self.env)

    def op_kill(self, r, s):
        self.back_again()
        self.rig.relay_kill()
        self.rig.relay_start(self.env)

    # .. at the end

    def check_groups(self, killed):
        """What the groups have read: all that was sent and nothing else, marked as what it is."""
        self.back_again()
        ids = dict(self.db.execute("SELECT n, id FROM alert"))
        for chat in CHATS:
            path = self.rig.path(f"{chat}/log.jsonl")
            lines = [json.loads(line) for line in open(path)] if os.path.exists(path) else []
            read = Counter(m["delivery"] for m in lines)
            said = {f"{ids[d.alert.n]}.{d.rev}/{d.target}": d for a in self.model.alerts + self.model.notices for d in a.rows
                    if d.target == f"file:{chat}"}
            marked = Counter(line["delivery"] for line in lines if "次提醒】" in line["chat"])
            for line in lines:
                d, text = said.get(line["delivery"]), line["chat"]
                if not d or not d.had:
                    raise Failed(f"{chat} read {line['delivery']}, which the model never sent")
                if ("【演练】" in text) != (d.alert.status == EXERCISE) or (d.reminder and "次提醒】" not in text) \
                        or (not d.reminder and marked[line["delivery"]] and marked[line["delivery"]] < d.repeats) \
                        or (not d.reminder and not d.repeats and marked[line["delivery"]]) \
                        or ("更正" in text) != d.cancel or "{{" in text:
                    raise Failed(f"{line['delivery']} is not marked as what it is: {text}")
            for identity, d in said.items():
                times = self.model.sent_times[d]
                if read[identity] < times or (read[identity] > times and not killed):
                    raise Failed(f"{chat} read {identity} {read[identity]} times, not {times}")


WEIGHTS = {"event": 30, "event_killed": 2, "take_back": 3, "update": 3, "confirm": 4, "confirm_event": 4, "dismiss": 2, "approve": 6, "reject": 2,
           "ack": 3, "cancel": 5, "silence": 4, "silence_expire": 2, "drill_start": 4, "drill_stop": 2, "mode": 4, "replay": 3,
           "board_shows": 3, "player_plays": 3, "group_away": 3, "reload": 5, "too_late": 1, "time": 16, "restart": 2, "kill": 2}


def sequence(seed, n):
    dice = random.Random(seed)
    return [(dice.choices(list(WEIGHTS), WEIGHTS.values())[0], dice.randrange(10**6), dice.randrange(10**6)) for _ in range(n)]


def run(args, seed, ops, keep):
    """None, or what went wrong and at which step."""
    at = -1
    try:
        with Rig("model", args.tocsin, "", ".") as rig:
            world = World(rig, seed)
            world.settle()
            for at in keep:
                name, r, s = ops[at]
                if args.verbose:
                    print(f"  {at} {name} {r} {s}", flush=True)
                getattr(world, f"op_{name}")(r, s)
                world.settle()
            world.check_groups(any(ops[i][0] in ("kill", "event_killed") for i in keep))
            return None, Counter(d.state.split(":")[0] for a in world.model.alerts for d in a.rows)
    except Failed as why:
        return (at, str(why)), None
    except SystemExit as why:  # Rig turns a failure into one
        return (at, str(why)), None


def shrink(args, seed, ops, keep, rounds=40):
    """A shorter sequence that still fails."""
    size = len(keep) // 2
    while size and rounds:
        for start in range(0, len(keep), size):
            shorter = keep[:start] + keep[start + size:]
            rounds -= 1
            failed, _ = run(args, seed, ops, shorter)
            if failed:
                keep = [i for i in shorter if i <= failed[0]]
                break
            if not rounds:
                break
        else:
            size //= 2
    return keep


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--ops", type=int, default=60)
    parser.add_argument("--keep", help="numbers of the steps to take, with commas: of an earlier failure")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--no-shrink", action="store_true")
    args = parser.parse_args()
    first = args.seed if args.seed is not None else int(time.time()) % 10**6
    states = Counter()
    for seed in range(first, first + args.runs):
        ops = sequence(seed, args.ops)
        keep = [int(i) for i in args.keep.split(",")] if args.keep else list(range(len(ops)))
        failed, seen = run(args, seed, ops, keep)
        if failed:
            print(f"model: seed {seed} fails at step {failed[0]}: {failed[1]}", flush=True)
            if not args.no_shrink and not args.keep:
                keep = shrink(args, seed, ops, [i for i in keep if i <= failed[0]])
                failed = run(args, seed, ops, keep)[0] or failed
                print(f"model: shorter, --ops {args.ops} --seed {seed} --keep {','.join(map(str, keep))}:")
                for i in keep:
                    print("   ", i, *ops[i])
                print(f"  {failed[1]}")
            sys.exit(1)
        states += seen
    print(f"model: {args.runs} sequences of {args.ops} steps from seed {first} end as the model says: "
          + ", ".join(f"{s} {n}" for s, n in sorted(states.items())))


if __name__ == "__main__":
    main()
