"""What must be true of a relay, by the design's words: the small model that model.py holds the real one against."""
import os
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from rig import ZONE  # noqa: E402

SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86400
STATES = ("held queued sending sent played displayed acknowledged retry expired rejected cancelled suppressed "
          "unconfirmed").split()
POSSIBLE, LIKELY, OBSERVED = range(3)
ACTUAL, EXERCISE = 0, 1
RULES = {"m_red": dict(level="red", count=1, expires=6 * HOUR, text="请把钱转账到安全账户核查"),
         "m_orange": dict(level="orange", count=3, expires=24 * HOUR, text="您的医保卡已停用请点链接激活")}
WITHIN = 2 * HOUR
SITES = {"s1": "610101", "s2": "610103"}
AREAS = {"610101": 0, "610102": 0, "610103": 1, "610104": 2}  # how many must approve
CHATS = {"watch": "duty", "chief": "duty", "club": "volunteer", "pub": "public"}
REPEAT, REMINDERS = 25 * MINUTE, 3  # of duty groups, until somebody acknowledges
STEPS = {1: (60, {"watch"}), 2: (120, {"chief"}), 3: (180, set(CHATS))}
MODES = ("trial", "screens", "live")
PEOPLE = ["王队", "张队", "李科长"]
PACK = """
- id: {id}
  rev: 1
  status: stable
  title: 测试{id}
  category: medins_safe_account
  level: {level}
  match:
    words: {words}
    near: 60
  threshold: {{count: {count}, within: 2h, feeds: 1}}
  expires: {hours}h
  say:
    voice: 防骗提醒。有人打电话让您转账。这是骗子。先问护士或者保安。
    voice_short: 防骗提醒。让您转账的电话，是骗子打的。先问护士或者保安。
    rhyme: 安全账户是圈套，转账之前问一遍。
    screen: {{headline: 让您转账的是骗子, lines: [别转账]}}
    chat: 【防骗提醒】{{{{issuer}}}} {{{{time}}}} 有人让您转账。这是诈骗。{{{{valid}}}} 前有效，编号 {{{{id}}}}
    duty: '{{{{area}}}} {{{{count}}}}'
    caught: 已经转了的，马上打 110。
    correction: 更正。刚才的提醒有误。
  samples:
    match: {samples}
    pass: ['今天天气好', '请按时复诊', '转账成功', '安全出口', '账户余额']
"""


# -- the model --------------------------------------------------------------------------------------------------------


class Delivery:
    def __init__(self, alert, rev, target, cancel=False, reminder=0):
        self.alert, self.rev, self.target, self.cancel, self.reminder = alert, rev, target, cancel, reminder
        self.state, self.due, self.expires, self.had = None, None, alert.expires, False
        self.repeats = self.again = 0  # how often its group was reminded, and when it will be; again 0: never
        self.repeat = False

    @property
    def waiting(self):
        return self.state == "wait" or self.state.startswith("held")

    @property
    def open(self):  # a device could still be told again
        return self.state == "sent" and not is_chat(self.target)


class Alert:
    def __init__(self, **members):
        self.ended = self.rev = 0
        self.acked, self.clock, self.withdrawn, self.rejected = None, False, False, False
        self.rows, self.steps, self.approvers = [], {}, set()
        self.__dict__.update(members)

    def newest(self, target):
        return next((d for d in reversed(self.rows) if d.target == target), None)


def is_chat(target):
    return target.startswith("file:")


def site_of(target):
    return None if is_chat(target) else target.split(":")[1].split("/")[0]


def speaks(target):
    return target.startswith(("pa:", "bulletin:"))


def is_state(target):
    return target.startswith(("board:", "bulletin:"))


TARGETS = [f"file:{c}" for c in CHATS]
for _s in SITES:
    TARGETS += [f"pa:{_s}/hall", f"board:{_s}/w1", f"bulletin:{_s}"]


class Model:
    """What must be true, by the design's words. Times are seconds; `now` never goes back."""

    def __init__(self, now):
        self.now = now
        self.alerts, self.events, self.silences, self.drills = [], {}, [], []
        self.notices = []  # to those on duty: alerts of the relay's own, which nobody decides on
        self.windows = {}  # group -> [(time, feed, count, verified)]
        self.mode = {s: "live" for s in SITES}
        self.sites, self.targets, self.loaded = dict(SITES), list(TARGETS), set(RULES)  # as a reload has left them
        self.displays = set(SITES)  # whose screens the route knows
        self.places = None
        self.reload()
        self.showing = defaultdict(dict)  # target -> {alert: row}
        self.spoken = []  # (site, rule, area, time, alert)
        self.actions = Counter()
        self.down = set()  # chats that cannot be reached
        self.sent_times = Counter()  # how often each delivery was said, at least

    # .. small questions

    def in_force(self, a):
        return not a.ended and a.expires > self.now

    def silence_of(self, a):
        return next((i + 1 for i, s in enumerate(self.silences) if s["until"] > self.now and not s["ended"] and s["fits"](a)), 0)

    def in_area(self, target, a):
        return self.sites[site_of(target)] == a.area if site_of(target) else target != "file:pub" or a.area == "610101"

    def drill(self):
        d = self.drills[-1] if self.drills else None
        return d if d and not d["ended"] and d["until"] > self.now else None

    def quiet_until(self, target):
        if target != "file:club":
            return 0
        t = datetime.fromtimestamp(self.now, ZONE)
        if 7 <= t.hour < 22:
            return 0
        end = t.replace(hour=7, minute=0, second=0, microsecond=0)
        return (end + timedelta(days=t.hour >= 22)).timestamp()

    def boldest(self, a):
        modes = [self.mode[s] for s, area in self.sites.items() if area == a.area]
        return max(modes, key=MODES.index) if modes else "live"

    def selected(self, a):
        drill = self.drill() if a.status == EXERCISE else None
        for t in self.targets:
            if t == "file:chief" or not self.in_area(t, a) or (t.startswith("board:") and site_of(t) not in self.displays):
                continue
            if a.status == EXERCISE and t != "file:watch" and not (drill and drill["site"] in ("", site_of(t))):
                continue
            yield t

    # .. one revision

    def plan(self, a, t, cancel, fresh, approved, reminder):
        """The state of a new row, and when it is looked at again; None: there is none."""
        quiet = self.quiet_until(t)
        if cancel:
            return ("held:quiet_hours", quiet) if quiet else ("wait", None)
        speech = t.startswith("pa:")
        if speech and (RULES[a.rule]["level"] != "red" or a.certainty < LIKELY):
            return None
        drill = self.drill() if a.status == EXERCISE else None
        if self.silence_of(a):
            why = f"silence {self.silence_of(a)}"
            return ("supp:real alert" if drill and drill["real"] and speaks(t) else f"supp:{why}"), None
        if drill and drill["real"] and speaks(t):
            return "supp:real alert", None
        if (speech or is_chat(t)) and not fresh:
            return "supp:older than relay.fresh", None
        mode = "live" if a.status == EXERCISE else self.boldest(a) if is_chat(t) else self.mode[site_of(t)]
        if mode != "live" and not (is_chat(t) and CHATS[t[5:]] == "duty") and not (mode == "screens" and t.startswith("board:")):
            need = 0 if approved or reminder else AREAS[a.area]
            later = is_state(t) and len(a.approvers) < need
            return "held:trial" + (", then approval two" if later and need == 2 else ", then approval" if later else ""), None
        if speech and a.status == ACTUAL:
            if any(s == site_of(t) and r == a.rule and area == a.area and at > self.now - 7 * DAY
                   for s, r, area, at, _ in self.spoken):
                return "supp:announce_again", None
            midnight = datetime.fromtimestamp(self.now, ZONE).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
            if len({n for s, _, _, at, n in self.spoken if s == site_of(t) and at > midnight}) >= 3:
                return "supp:announce_per_day", None
        need = 0 if reminder else AREAS[a.area]
        if not approved and len(a.approvers) < need:
            return "held:approval two" if need == 2 else "held:approval", self.now + 10 * MINUTE
        if quiet:
            return "held:quiet_hours", quiet
        return "wait", None

    def add(self, a, t, expires, cancel=False, fresh=True, approved=False, reminder=0):
        p = self.plan(a, t, cancel, fresh, approved, reminder)
        if not p:
            return None
        if not p[0].startswith("supp:") or self.silence_of(a):  # what is not said ends nothing that is
            for before in [d for d in a.rows if d.target == t and (d.waiting or d.open)]:
                self.end(before, "supp:trial: superseded" if before.state.startswith("held:trial") else "supp:superseded")
            for before in (d for d in a.rows if d.target == t):
                before.again = 0
        d = Delivery(a, a.rev, t, cancel, reminder)
        d.state, d.due, d.expires = p[0], p[1] or expires, expires
        had = a.newest(t)
        d.repeat = not cancel and is_chat(t) and CHATS[t[5:]] == "duty" and (had.repeat if reminder and had else not reminder)
        a.rows.append(d)
        if d.state == "wait":
            self.go(d)
        return d

    def go(self, d):
        """It may leave; and it has, when its target can be reached."""
        d.state = "wait"
        if is_state(d.target):
            self.showing[d.target][d.alert] = d
        if d.target not in self.down:
            d.state, d.had = "sent", True
            self.sent_times[d] += 1
            d.again = min(self.now + REPEAT, d.expires) if d.repeat and d.repeats < REMINDERS else 0

    def remind_again(self, d):
        """A group of those on duty hears it again, unless that is over, or somebody has seen it, or nothing of it is to be said."""
        a = d.alert
        if a.acked or a.ended or d.expires <= self.now:
            d.again = 0
        elif self.silence_of(a):
            d.again = min(self.now + REPEAT, d.expires)
        else:
            d.repeats += 1
            self.go(d)

    def end(self, d, state):
        d.state = state

    def publish(self, a, **how):
        a.rev += 1
        spoke = False
        for t in self.selected(a):
            d = self.add(a, t, a.expires, **how)
            spoke = spoke or speaks(t)
            if d and t.startswith("pa:") and d.state in ("wait", "sent") and a.status == ACTUAL:
                self.spoken.append((site_of(t), a.rule, a.area, self.now, a))
        if RULES[a.rule]["level"] == "red" and not a.clock and not a.acked:
            a.clock = True
            a.steps = {n: self.now + after for n, (after, _) in STEPS.items()}
        drill = self.drill()
        if a.status == ACTUAL and spoke and drill and not drill["real"]:
            drill["real"] = a
            for e in self.alerts:
                if e.status == EXERCISE and self.in_force(e):
                    self.end_exercise(e, "supp:real alert", speech_only=True)

    def end_exercise(self, e, state, speech_only):
        for d in e.rows:
            if speech_only and not speaks(d.target):
                continue
            if d.target not in self.targets:
                continue
            if d.waiting or d.open:
                self.end(d, state)
            if is_state(d.target):
                self.showing[d.target].pop(e, None)
        if not speech_only:
            self.close(e)

    def forget_exercises(self):
        """The next drill counts its own events."""
        self.windows = {g: w for g, w in self.windows.items() if g[2] == ACTUAL}

    def close(self, a):
        a.ended, a.steps = self.now, {}

    def seen(self, a, who):
        a.acked = a.acked or who
        a.steps = {}

    # .. what happens

    def count_window(self, group):
        w = [x for x in self.windows.get(group, []) if x[0] > self.now - WITHIN - WITHIN // 64]
        for at, *_ in w:
            if at <= self.now - WITHIN:
                raise Ambiguous  # the last slice: part of it still counts
        feeds = {x[1] for x in w}
        return sum(x[2] for x in w), len(feeds), len({x[1] for x in w if x[3]})

    def event(self, number, feed, rule, area, count, status, kind, until=float("inf")):
        if rule not in self.loaded:
            return  # no rule's business
        group = (rule, area, status)
        w = self.windows.setdefault(group, [])
        w.append((self.now, feed, count, kind != "report", number))
        try:
            n, feeds, verified = self.count_window(group)
        except Ambiguous:
            w.pop()
            raise
        r = RULES[rule]
        event = self.events[number] = dict(feed=feed, group=group, count=count, at=self.now, alert=None, stands=True, gone=False,
                                           withdrawn=False, number=number)
        certainty = LIKELY if feeds >= 2 or n >= 5 * r["count"] else POSSIBLE
        a = next((a for a in reversed(self.alerts) if a.group == group and self.in_force(a)), None)
        expires = event["until"] = min(self.now + r["expires"], until)
        if a:
            event["alert"] = a
            a.count += count
            a.withdrawn = False
            if certainty > a.certainty:
                a.certainty = certainty
                a.expires = max(a.expires, self.in_drill(group, expires))
                self.publish(a)
        elif feeds >= 2 or (verified and n >= r["count"]):
            self.alert(group, certainty, n, expires)

    def in_drill(self, group, expires):
        """What is made in a drill ends with it."""
        return min(expires, self.drill()["until"]) if group[2] == EXERCISE and self.drill() else expires

    def alert(self, group, certainty, count, expires, fresh=True, approved=False, acked=None):
        drill = self.drill() if group[2] == EXERCISE else None
        expires = self.in_drill(group, expires)
        a = Alert(n=self.next_number(), group=group, rule=group[0], area=group[1], status=group[2], certainty=certainty,
                  count=count, created=self.now, expires=expires, acked=acked)
        self.alerts.append(a)
        for e in self.events.values():
            if e["group"] == group and not e["alert"] and not e["gone"]:
                e["alert"], e["stands"] = a, e["at"] > self.now - WITHIN and not (drill and e["at"] < drill["at"])
        self.publish(a, fresh=fresh, approved=approved)
        return a

    def next_number(self):
        return len(self.alerts) + len(self.notices) + 1

    def notice(self, about):
        """A person stands for this alert alone, and those on duty must know."""
        n = Alert(n=self.next_number(), group=None, rule="withdrawn", area=about.area, status=about.status, certainty=POSSIBLE, count=1,
                  created=self.now, expires=about.expires, acked=None, rev=1)
        self.notices.append(n)
        for t in ("file:watch", "file:chief"):
            n.rows.append(Delivery(n, 1, t))
            self.go(n.rows[-1])

    def reload(self, moved=True, site=None, fits=lambda a: True):
        """Each alert in force goes to where the configuration of now takes it; nobody is told late, or that it was wrong."""
        places = (tuple(self.sites.items()), frozenset(self.targets), frozenset(self.displays))
        if moved and places == self.places:
            return
        self.places = places
        for a in self.alerts:
            if not self.in_force(a) or not fits(a):
                continue
            left = []
            for t in dict.fromkeys(d.target for d in a.rows if moved):
                gone = t not in self.targets
                if not gone and self.in_area(t, a):
                    continue
                if a in self.showing[t] and not self.showing[t][a].cancel:
                    del self.showing[t][a]
                    left.append(t)
                for d in a.rows:
                    if d.target == t and not d.cancel and d.waiting:
                        self.end(d, "cancelled:trial" if d.state.startswith("held:trial") else "cancelled:")
                    elif d.target == t and not d.cancel and d.open and not gone:
                        self.end(d, "supp:not in its area any more")
            new = [t for t in self.selected(a) if is_state(t) and site in (None, site_of(t)) and self.is_new(a, t)]
            if left or new:
                a.rev += 1
                for t in new:
                    self.add(a, t, a.expires, approved=self.let_go(a, t))
                for t in left:
                    a.rows.append(Delivery(a, a.rev, t))
                    a.rows[-1].state = "cancelled:"

    def silence_over(self, s):
        """Screens and bulletins show again what it kept away."""
        s["ended"] = True
        self.reload(moved=False, fits=s["fits"])

    def let_go(self, a, t):
        """It needs nobody's approval any more."""
        d = a.newest(t)
        return a.certainty == OBSERVED or bool(d and d.had and self.comes_back(a, t, d))

    def groups_go_back(self):
        """Where no site is live, only those on duty hear of it."""
        for a in self.alerts:
            for d in a.rows:
                if a.status == ACTUAL and self.in_force(a) and is_chat(d.target) and CHATS[d.target[5:]] != "duty" and d.waiting \
                        and not d.cancel and not d.state.startswith("held:trial") and self.boldest(a) != "live":
                    self.end(d, "supp:trial: the site went back")

    def is_new(self, a, t):
        """A screen that does not show the alert, and has nothing to wait for."""
        d = a.newest(t)
        if d and not d.cancel and not d.state.startswith("cancelled") and (a in self.showing[t] or not self.comes_back(a, t, d)):
            return False
        return not a.rejected or len(a.approvers) >= AREAS[a.area] or self.let_go(a, t)

    def comes_back(self, a, t, d):
        """It was taken off for a reason that holds no more."""
        if d.cancel or d.state not in ("sent", "displayed", "unconfirmed", "supp:trial: the site went back") \
                and not d.state.startswith("supp:silence"):
            return False
        p = self.plan(a, t, False, True, a.certainty == OBSERVED or d.had, 0)
        return p[0] == "wait" or p[0].startswith("held") and not p[0].startswith("held:trial")

    def take_back(self, number, instead=lambda: None):
        """What takes its place is counted before it is seen whether the alert still stands."""
        e = self.events[number]
        a = e["alert"]
        if e["withdrawn"]:
            return instead()
        e["gone"] = e["withdrawn"] = True
        self.windows[e["group"]] = [x for x in self.windows.get(e["group"], []) if x[4] != number]
        instead()
        if not a or not self.in_force(a) or not e["stands"]:
            return
        stands = any(o["alert"] is a and o["stands"] and not o["withdrawn"] for o in self.events.values())
        if not stands and a.certainty < OBSERVED:
            self.cancel(a)
            return
        a.count = max(a.count - e["count"], 1)
        if not stands:
            a.withdrawn = True
            self.notice(a)

    def cancel(self, a):
        had = [t for t in self.targets if any(d.target == t and d.had for d in a.rows)]
        for d in a.rows:
            if d.waiting:
                self.end(d, "cancelled:trial" if d.state.startswith("held:trial") else "cancelled:")
            elif d.open:
                self.end(d, "supp:alert cancelled")
        for shown in self.showing.values():
            shown.pop(a, None)
        self.close(a)
        a.rev += 1
        for t in had:
            self.add(a, t, self.now + 72 * HOUR, cancel=True)
        self.windows.pop(a.group, None)

    def site_goes_on(self, d):
        """What was held for its trial alone is shown; the rest waits for the people whom its route asks."""
        need = 2 if d.state.endswith("approval two") else 1 if d.state.endswith("approval") else 0
        if len(d.alert.approvers) >= need:
            self.release(d)
        elif d.alert.rejected:
            d.state = "rejected"
        else:
            d.state, d.due = d.state.replace("trial, then ", ""), min(self.now + 10 * MINUTE, d.expires)

    def may_replay(self, d):
        """What is said once more keeps to what holds for everybody now; what was said before does not use up a limit again."""
        a, t = d.alert, d.target
        if d.expires <= self.now or a.newest(t) is not d or t not in self.targets or self.quiet_until(t) \
                or not (d.state == "sent" or d.state.startswith("supp:") or d.state == "unconfirmed"):
            return False
        if d.cancel:
            return True
        drill = self.drill()
        reached = a.status == ACTUAL or t == "file:watch" or (drill and drill["site"] in ("", site_of(t)))
        if a.ended or not self.in_area(t, a) or not reached or not (d.reminder or t in self.selected(a)):
            return False
        spoken = self.spoken
        if not d.state.startswith("supp:announce_"):
            self.spoken = []
        p = self.plan(a, t, False, d.state != "supp:older than relay.fresh", d.had or a.certainty == OBSERVED, d.reminder)
        self.spoken = spoken
        return p[0] == "wait"

    def release(self, d):
        quiet = self.quiet_until(d.target)
        if quiet:
            d.state, d.due = "held:quiet_hours", quiet
            return
        self.go(d)
        self.note_speech(d)

    def note_speech(self, d):
        if d.target.startswith("pa:") and d.alert.status == ACTUAL and not d.cancel:
            self.spoken.append((site_of(d.target), d.alert.rule, d.alert.area, self.now, d.alert))

    def remind(self, a):
        due = [n for n, at in a.steps.items() if at <= self.now]
        if not self.in_force(a):
            a.steps = {}
            return
        for n in due:
            del a.steps[n]
        chats = set().union(*(STEPS[n][1] for n in due))
        if self.silence_of(a):
            return
        drill = self.drill() if a.status == EXERCISE else None
        waits = any(d.state.startswith("held:approval") for d in a.rows)
        told = []
        for c in CHATS:
            t, d = f"file:{c}", a.newest(f"file:{c}")
            if c not in chats or not self.in_area(t, a):
                continue
            if a.status == EXERCISE and c != "watch" and not (drill and drill["site"] == ""):
                continue
            if waits and CHATS[c] != "duty":
                continue
            if d and d.waiting and not d.state.startswith("held:approval"):
                continue
            told.append(t)
        if told:
            a.rev += 1
            for t in told:
                self.add(a, t, a.expires, approved=True, reminder=max(due))

    def pass_time(self, to):
        """All that is due by `to` happens at `to`, as after a stop: steps, then ends, then what is held."""
        self.now = to
        for a in sorted((a for a in self.alerts if a.steps and min(a.steps.values()) <= to),
                        key=lambda a: (min(a.steps.values()), a.n)):
            self.remind(a)
        for s in self.silences:
            if not s["ended"] and s["until"] <= to:
                self.silence_over(s)
        for a in self.alerts + self.notices:
            for d in a.rows:
                if d.expires <= to and (d.waiting or d.open):
                    trial = d.state.startswith("held:trial")
                    self.end(d, "unconfirmed" if d.open else "expired:trial" if trial else "expired:")
            if not a.ended and a.expires <= to:
                self.close(a)
        for shown in self.showing.values():
            for a in [a for a, d in shown.items() if d.expires <= to]:
                del shown[a]
        for a in self.alerts:
            for d in a.rows:
                if d.state.startswith("held:approval") and d.due and d.due <= to:
                    if d.target.startswith("pa:"):
                        self.end(d, "supp:nobody approved in time")
                    elif is_state(d.target):
                        self.release(d)
                    else:
                        d.due = None
                elif d.state == "held:quiet_hours" and d.due + 90 <= to:
                    self.go(d)
                elif d.state == "sent" and d.again and d.again <= to:
                    self.remind_again(d)

    def quiet_edges(self):
        """When quiet hours end."""
        for a in self.alerts:
            for d in a.rows:
                if d.state == "held:quiet_hours":
                    yield d.due


class Ambiguous(Exception):
    pass
