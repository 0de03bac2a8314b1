"""A storm: a million events of twenty scams, from two feeds, as fast as they are taken. At most twenty alerts; an Update only
when level or certainty changed; no group hears more than its limit of a day; memory stays where it is."""
import json
import os
import sqlite3
import subprocess
import threading
import time
from datetime import datetime

import fan
from rig import bench, wait_for

SCAMS, CHATS, WARDS, A_DAY = 20, 200, 50, 12
WORDS = "安全账户 保证金 手续费 运费险 解冻费 押金 会费 税金 激活费 认证金 公证费 培训费 疏通费 挂号费 陪诊费 体检费 药材款 善款 彩礼 路费".split()
RULE = """
- id: storm_{n}
  rev: 1
  status: stable
  title: 骗局{n}
  category: medins_safe_account
  level: red
  match: {{words: [[{word}], [转账]], near: 60}}
  threshold: {{count: 3, within: 2h, feeds: 1}}
  expires: 24h
  say:
    voice: 防骗提醒。有人打电话让您转账。这是骗子。先问护士或者保安。
    voice_short: 防骗提醒。让您转账的电话，是骗子打的。先问护士或者保安。
    screen: {{headline: 骗局{n}, lines: [别转账]}}
    chat: 【防骗提醒】{{{{issuer}}}} {{{{time}}}} 骗局{n}。这是诈骗。{{{{valid}}}} 前有效，编号 {{{{id}}}}
    duty: 骗局{n}
    caught: 已经转了的，马上打 110。
    correction: 更正。刚才的提醒有误。
  samples:
    match: ['请转账到{word}', '{word}转账', '转账到{word}核查', '请把钱转账到{word}', '{word}，立即转账']
    pass: ['今天天气好', '请按时复诊', '转账成功', '安全出口', '余额']
"""


def write_pack(folder):
    os.makedirs(folder)
    with open(os.path.join(folder, "rules.yaml"), "w", encoding="utf-8") as f:
        for n, word in enumerate(WORDS):
            f.write(RULE.format(n=n, word=word))


def write_lines(path):
    """Every scam in five districts of one city."""
    with open(path, "w", encoding="utf-8") as f:
        for i in range(100):
            f.write('{"event_id":"@ID@","seq":@SEQ@,"sent_at":"@TIME@","kind":"call","area":"61011' + str(i // 20 + 1) + '",'
                    '"suspect":{"number":"0085*****37"},"text":"您好，我们这里查到您有一笔款项，请马上转账到' + WORDS[i % SCAMS] + '核查，不要告诉家里人。"}\n')


def blast(rig, args, feed, count):
    return subprocess.Popen([args.blaster, "--port", str(rig.port), "--topic", f"tocsin/v1/feeds/{feed}/events", "--count", str(count), "--ids",
                             "sequential", "--lines", rig.path("lines"), "--first", "1"], stdout=subprocess.DEVNULL)


def storm(rig, args, server):
    write_pack(rig.path("pack"))
    write_lines(rig.path("lines"))
    args.pack = rig.path("pack")
    relay = fan.Relay(rig, args, server.url, CHATS, WARDS, more_feeds=[{"id": "f2", "type": "bank", "areas": ["61"], "rate": "100000/s"}])
    memory, over = [], threading.Event()

    def watch():
        while not over.wait(0.5):
            memory.append((time.monotonic(), fan.rss_mib(relay.child.pid)))
    threading.Thread(target=watch, daemon=True).start()
    begun = time.monotonic()
    blasters = [blast(rig, args, feed, args.events // 2) for feed in ("f1", "f2")]

    def taken():
        return sum(rig.metric(f'tocsin_feed_events_total{{feed="{f}",status="accepted"}}') for f in ("f1", "f2"))
    wait_for("the events", 900, lambda: taken() >= args.events // 2 * 2, 0.5)
    elapsed = time.monotonic() - begun
    wait_for("an idle relay", 60, relay.idle)
    over.set()
    for b in blasters:
        b.wait()
    db = sqlite3.connect(f"file:{rig.path('state/tocsin.db')}?mode=ro", uri=True)
    alerts = db.execute("SELECT count(*) FROM alert").fetchone()[0]
    updates, odd = db.execute(
        "SELECT count(*), coalesce(sum(r.level <= b.level AND r.certainty <= b.certainty AND r.areas = b.areas), 0) FROM revision r "
        "JOIN revision b ON b.alert = r.alert AND b.rev = r.rev - 1 WHERE r.rev > 1").fetchone()
    db.close()
    most = max(server.counts().values(), default=0)
    rest = [m for at, m in memory if at > begun + elapsed * 0.2]
    relay.close()
    half = len(rest) // 4 or 1
    return {"alerts": alerts, "updates": updates, "odd": odd, "most": most, "seconds": elapsed, "peak": max(rest),
            "growth": (sum(rest[-half:]) / half) / (sum(rest[:half]) / half)}


def main():
    fan.many_files()
    with bench(__doc__, fan.PROGRAMS + " blaster", events=1_000_000) as (args, rig):
        server = fan.Server(args.server, 20)
        try:
            r = storm(rig, args, server)
        finally:
            server.close()
    rows = [{"case": f"alerts of {SCAMS} scams in {args.events} events", "ours": r["alerts"], "reference": SCAMS, "unit": "alerts"},
            {"case": "updates without a higher level, certainty or new area", "ours": r["odd"], "reference": 0, "unit": "updates", "updates": r["updates"]},
            {"case": "most messages in one group", "ours": r["most"], "reference": A_DAY, "unit": "messages"},
            {"case": "resident memory at the end against the beginning", "ours": round(r["growth"], 2), "reference": 1.1, "unit": "ratio",
             "peak_mib": round(r["peak"])},
            {"case": "rate, of 1,667 in ten minutes' worth", "ours": round(args.events / r["seconds"]), "reference": 1667, "unit": "events/s"}]
    good = all(row["ours"] <= row["reference"] for row in rows[:4]) and rows[4]["ours"] >= rows[4]["reference"]
    for row in rows:
        row["ratio"] = round(row["ours"] / row["reference"], 2) if row["reference"] else row["ours"]
    if args.json:
        for row in rows:
            print(json.dumps({"bench": "storm", **row}, ensure_ascii=False))
    else:
        print(f"storm: {args.events} events of {SCAMS} scams to {CHATS} groups and {WARDS} screens, begun {datetime.now():%H:%M}")
        for row in rows:
            more = "".join(f"  {k}={row[k]}" for k in ("updates", "peak_mib") if k in row)
            print(f"  {row['case']:56}{row['ours']:>10} (bound {row['reference']}) {row['unit']}{more}")
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
