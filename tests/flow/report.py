"""tocsin report over a store whose every row is known: each figure, as JSON, text, CSV and as the page for printing."""
import argparse
import csv
import html.parser
import io
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=8))
APPLICATION_ID = 0x5443534E
HELD, QUEUED, SENT, PLAYED, DISPLAYED, REJECTED, SUPPRESSED, UNCONFIRMED = 0, 1, 3, 4, 5, 9, 11, 12
BLUE, YELLOW, ORANGE, RED = range(4)
NASTY = "<b>`touch {}`</b> \"$(id)\" \\n {{x}} 代抢专家号"

CONFIG = """
relay: {{id: yanta-1, state_dir: {dir}/state, issuer: 雁塔公安, keep_deliveries: 1100d, timezone: Asia/Shanghai}}
broker: {{host: 127.0.0.1}}
sites:
  - {{id: s1, name: 交大一附院, area: '610113', zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
  - {{id: s2, name: 交大二附院, area: '610102'}}
route: {{receiver: quiet}}
receivers: [{{name: quiet, pa: [bulletin]}}]
"""


def at(day, clock="09:00:00"):
    return int(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).timestamp() * 1000)


class Store:
    """Writes rows as the relay would, without it."""

    def __init__(self, path, schema):
        self.db = sqlite3.connect(path)
        self.db.executescript(schema)
        self.db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self.db.execute("PRAGMA user_version = 1")
        self.targets = {}
        self.n = 0

    def insert(self, table, **columns):
        """What a report does not look at is nothing, whatever columns there are."""
        for _, name, kind, needed, default, key in self.db.execute(f"PRAGMA table_info({table})"):
            if needed and default is None and not key and name not in columns:
                columns[name] = "" if kind == "TEXT" else 0
        names = ", ".join(columns)
        self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", list(columns.values()))

    def stat(self, day, what, key, n):
        self.insert("stat", day=int(day.replace("-", "")), what=what, key=json.dumps(key, ensure_ascii=False, separators=(",", ":")), n=n)

    def alert(self, day, rule, title, level, *, status=0, end_note="", acked=None, count=7):
        self.n += 1
        created = at(day)
        self.insert("alert", n=self.n, id=f"yanta-1-{day.replace('-', '')}-{self.n}", grp=self.n, rule=rule, rule_rev=1, set_hash="h",
                    category="c", title=title, status=status, level=level, certainty=1, created=created, expires=created + 1000,
                    rev=1, areas="610113", guessed=0, count=count, feeds="bank", end_note=end_note,
                    acked_at=None if acked is None else created + acked)
        return self.n, created

    def delivery(self, alert, target, state, *, reason="", sent=None, ended=None, accepted=None):
        n, created = alert
        if target not in self.targets:
            self.targets[target] = len(self.targets) + 1
            self.insert("target", id=self.targets[target], name=target)
        self.insert("delivery", alert=n, rev=1, target=self.targets[target], state=state, reason=reason, level=0, created=created,
                    expires=created, rendering=0, sent_at=None if sent is None else created + sent,
                    ended_at=None if ended is None else created + ended, accepted=None if accepted is None else created + accepted)

    def action(self, day, verb, obj, actor, detail=""):
        self.insert("action", at=at(day, "12:00:00"), verb=verb, object=obj, actor=actor, uid=0, reason="", detail=detail)


def fill(s, days=30):
    """November 2026: figures that are the same however they are looked at."""
    for i in range(1, days + 1):
        day = f"2026-11-{i:02}"
        s.stat(day, "event", ["sn-cmcc", "sms", "match", "orange", ""], 10 + i)
        s.stat(day, "reports", ["sn-cmcc", "sms", "match", "orange", ""], 100)
        s.stat(day, "event", ["sn-cmcc", "sms", "no_match", "", ""], 50 + i % 7 * 8)
        s.stat(day, "event", ["bank-1", "transaction", "unsure", "", ""], 2)
        s.stat(day, "district", ["610113", "match"], 6 + i)
        s.stat(day, "district", ["610102", "match"], 4)
        s.stat(day, "district", ["610113", "no_match"], 50)
    s.stat("2026-11-03", "event", ["sn-cmcc", "sms", "match", "red", "exercise"], 5)
    s.stat("2026-11-04", "refused", ["sn-cmcc", "bad_time"], 3)
    s.stat("2026-10-31", "event", ["sn-cmcc", "sms", "match", "orange", ""], 1000)
    s.stat("2026-12-01", "event", ["sn-cmcc", "sms", "match", "orange", ""], 1000)
    alerts = []
    titles = [("medins_card_suspended", "冒充医保局发“医保停用”短信", ORANGE), ("expert_number_scalper_offer", "代抢专家号、骗定金", ORANGE),
              ("miracle_drug_memo", "国医大师卖神药、付尾款", RED), ("relative_emergency_call", "谎称亲人急病要手术费", RED),
              ("nasty", NASTY, YELLOW)]
    for i in range(20):
        rule, title, level = titles[min(i % 7, 4)]
        a = s.alert(f"2026-11-{i % 28 + 1:02}", rule, title, level, acked=40000 + i * 1000 if i < 10 else None,
                    end_note="cancelled by 王队" if i == 4 else "")
        s.delivery(a, "wecom:redgoose", SENT, sent=200 + i * 10)
        s.delivery(a, "pa:s1/hall", PLAYED if i % 4 else REJECTED, reason="" if i % 4 else "busy", accepted=90 + i, sent=80, ended=21000 + 500 * i)
        s.delivery(a, "board:s1/w1", DISPLAYED, sent=40, ended=300 + i)
        if i < 3:
            s.delivery(a, "wecom:ward3", UNCONFIRMED, reason="time-out")
        alerts.append(a)
    s.delivery(alerts[0], "pa:s1/canteen", SUPPRESSED, reason="muted by 赵师傅", ended=5000)
    s.delivery(alerts[1], "wecom:club", SUPPRESSED, reason="silence 1")
    s.delivery(alerts[2], "wecom:club", HELD, reason="quiet_hours")
    drill = s.alert("2026-11-10", "medins_card_suspended", "演练", RED, status=1)
    s.delivery(drill, "wecom:redgoose", SENT, sent=1)
    october = s.alert("2026-10-31", "medins_card_suspended", "十月", ORANGE)
    s.delivery(october, "wecom:redgoose", SENT, sent=999999)
    ids = [r[0] for r in s.db.execute("SELECT id FROM alert ORDER BY n")]
    for who, i, what in (("张警官", 0, "劝阻成功"), ("张警官", 0, "劝阻成功"), ("李警官", 2, "劝阻成功"), ("李警官", 2, "已受骗"), ("王护士", 1, "误报")):
        s.action(f"2026-11-{i + 5:02}", "alert.outcome", ids[i], who, what)
    s.action("2026-10-30", "alert.outcome", ids[0], "张警官", "误报")
    s.insert("silence", matchers='area6="610103"', broad=0, author="王队", reason="核实中", created=at("2026-11-02"), expires=at("2026-11-03"))
    s.insert("drill", site="s1", author="刘科", reason="月度", created=at("2026-11-10", "08:59:00"), expires=at("2026-11-10", "09:30:00"))
    s.db.commit()
    return alerts


class Page(html.parser.HTMLParser):
    """What a browser would make of it: text, and whatever would be fetched or run."""

    def __init__(self, text):
        super().__init__()
        self.text, self.wrong, self.svgs, self.ids = [], [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag in ("script", "link", "img", "iframe", "object", "embed", "b") and a:
            self.wrong.append((tag, a))
        if tag in ("script", "link", "iframe"):
            self.wrong.append((tag, a))
        self.svgs += tag == "svg"
        if "id" in a:
            self.ids.append(a["id"])
        self.wrong += [(tag, k, v) for k, v in attrs if k.startswith("on") or (k in ("href", "src", "xlink:href") and not (v or "").startswith("#"))]

    def handle_data(self, data):
        self.text.append(data)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--tocsin", required=True)
    p.add_argument("--schema", required=True)
    p.add_argument("--page", help="keep the page here, to be looked at")
    a = p.parse_args()
    work = tempfile.TemporaryDirectory()
    d = pathlib.Path(work.name)
    (d / "state").mkdir()
    (d / "tocsin.yaml").write_text(CONFIG.format(dir=d))
    (d / "tocsin.yaml").chmod(0o600)
    global NASTY
    NASTY = NASTY.format(d / "run")
    store = Store(d / "state" / "tocsin.db", pathlib.Path(a.schema).read_text())
    fill(store)

    def run(*more, lang="en", expect=0, env=None):
        r = subprocess.run([a.tocsin, "report", *more, "-c", str(d / "tocsin.yaml")], capture_output=True, text=True,
                           env={"TOCSIN_LANG": lang, "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], **(env or {})})
        assert r.returncode == expect, (more, r.returncode, r.stderr)
        return r.stdout if expect == 0 else r.stderr

    def report(*more):
        return json.loads(run("--json", *more))

    month = report("--month", "2026-11")
    events = {(e["feed"], e["kind"], e["verdict"], e["level"], e["note"]): (e["events"], e["reports"]) for e in month["events"]}
    assert events == {("sn-cmcc", "sms", "match", "orange", ""): (30 * 10 + 465, 3000),
                      ("sn-cmcc", "sms", "no_match", "", ""): (30 * 50 + sum(i % 7 * 8 for i in range(1, 31)), 0),
                      ("bank-1", "transaction", "unsure", "", ""): (60, 0), ("sn-cmcc", "sms", "match", "red", "exercise"): (5, 0)}, events
    assert [(x["area"], x["district"], x["matched"], x["unsure"], x["others"]) for x in month["districts"]] == [
        ("610113", "雁塔区", 30 * 6 + 465, 0, 1500), ("610102", "新城区", 120, 0, 0)], month["districts"]
    assert month["refused"] == [{"feed": "sn-cmcc", "code": "bad_time", "events": 3}]
    assert len(month["days"]) == 30 and month["days"][3] == {"day": "2026-11-04", "matched": 14, "unsure": 2, "others": 82, "refused": 3}
    alerts = {x["rule"]: (x["level"], x["alerts"], x["taken_back"], x["reports"]) for x in month["alerts"]}
    assert alerts == {"medins_card_suspended": ("orange", 3, 0, 21), "expert_number_scalper_offer": ("orange", 3, 0, 21),
                      "miracle_drug_memo": ("red", 3, 0, 21), "relative_emergency_call": ("red", 3, 0, 21), "nasty": ("yellow", 8, 1, 56)}, alerts
    outcomes = {(x["rule"], x["outcome"]): x["times"] for x in month["outcomes"]}
    assert outcomes == {("medins_card_suspended", "劝阻成功"): 2, ("miracle_drug_memo", "劝阻成功"): 1, ("miracle_drug_memo", "已受骗"): 1,
                        ("expert_number_scalper_offer", "误报"): 1}, outcomes
    ends = {(x["target"], x["state"]): x["deliveries"] for x in month["deliveries"]}
    assert ends == {("wecom:redgoose", "sent"): 20, ("pa:s1/hall", "played"): 15, ("pa:s1/hall", "rejected"): 5, ("board:s1/w1", "displayed"): 20,
                    ("wecom:ward3", "unconfirmed"): 3, ("pa:s1/canteen", "suppressed"): 1, ("wecom:club", "suppressed"): 1,
                    ("wecom:club", "held"): 1}, ends
    times = {(x["channel"], x["step"]): (x["deliveries"], x["p50_ms"], x["p95_ms"]) for x in month["times"]}
    assert times["wecom", "sent"] == (20, 290, 380) and times["pa", "accepted"] == (20, 99, 108), times
    played = [21000 + 500 * i for i in range(20) if i % 4]
    assert times["pa", "played"] == (15, played[7], played[14]) and times["board", "displayed"] == (20, 309, 318)
    assert times["person", "acknowledged"] == (10, 44000, 49000)
    assert [(x["by"], x["reason"], x["suppressed"]) for x in month["silences"]] == [("王队", "核实中", 1)]
    assert [(x["target"], x["reason"], x["suppressed"]) for x in month["mutes"]] == [("pa:s1/canteen", "muted by 赵师傅", 1)]
    assert [(x["by"], x["site"], x["alerts"]) for x in month["drills"]] == [("刘科", "s1", 1)]
    assert {"by": "张警官", "action": "alert.outcome", "times": 2} in month["people"]

    # Two halves make the month; a site's has its own; another month has none.
    first, second = report("--half", "2026-11a"), report("--half", "2026-11b")
    for section, member in (("events", "events"), ("districts", "matched"), ("alerts", "alerts"), ("deliveries", "deliveries"), ("outcomes", "times")):
        total = [sum(x[member] for x in r[section]) for r in (first, second, month)]
        assert total[0] + total[1] == total[2], (section, total)
    site = report("--month", "2026-11", "--site", "s1")
    assert {x["target"] for x in site["deliveries"]} == {"pa:s1/hall", "pa:s1/canteen", "board:s1/w1"}
    assert report("--month", "2026-11", "--site", "s2")["outcomes"] == [] and report("--month", "2026-09")["events"] == []
    assert "kept_from" not in month

    # What is said of events outlives the events; what has been pruned is not passed off as whole.
    store.db.execute("DELETE FROM event")
    store.db.execute("DELETE FROM event_other")
    store.db.commit()
    assert report("--month", "2026-11") == month
    assert report("--month", "2020-01")["kept_from"] > "2020"
    assert "no longer kept" in run("--month", "2020-01")

    # The sheet and the text.
    sheet = list(csv.reader(io.StringIO(run("--csv", "--month", "2026-11"))))
    assert ["districts", "610113", "雁塔区", "645", "0", "1500"] in sheet, sheet
    assert "雁塔区" in run("--month", "2026-11")

    # The page: everything in it, nothing fetched, nothing run, and as valid as a title can make it.
    for lang, title in (("zh-CN", "反诈提醒月报"), ("en", "Fraud warnings: monthly report")):
        page = run("--html", "--month", "2026-11", lang=lang)
        seen = Page(page)
        text = " ".join(seen.text)
        assert not seen.wrong, seen.wrong
        assert seen.svgs == 6, seen.svgs
        assert len(seen.ids) == len(set(seen.ids)), "an id is there twice"
        assert title in text and "medins_card_suspended" in text and "赵师傅" in text and "核实中" in text
        total = sum(n for (*_, note), (n, _) in events.items() if not note)
        assert f"<b>{total}</b>" in page and "<b>20</b>" in page, (total, "events and warnings")
        assert f"<b>{round(55 * 100 / 63)}%</b>" in page and "<b>3</b>" in page and "<b>1</b>" in page, "arrived, and what came of them"
        assert not re.search(r"https?://(?!www\.w3\.org)", page), "an address"
        assert page.count("<tr>") > 25 and len(page) < 400_000, len(page)
        if a.page and lang == "zh-CN":
            pathlib.Path(a.page).write_text(page)
    assert not (d / "run").exists(), "a title was run"
    assert "半月报" in run("--html", "--half", "2026-11a", lang="zh-CN")
    assert "<svg" not in run("--html", "--month", "2026-09"), "nothing to plot"
    assert "gnuplot-nox" in run("--html", "--month", "2026-11", expect=1, env={"PATH": str(d)})
    run("--html", "--csv", expect=2)
    run("--html", "--trial", expect=2)
    print("report: every figure as it was put in")


sys.exit(main())
