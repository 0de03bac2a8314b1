"""Events accepted durably against a bare subscriber that throws them away, alternating on the same broker.

Ours parses, masks, matches, keeps a key for every event beside 2,000,000 stored ones, commits with fsync and issues receipts;
3 % of the events match a rule. The reference is libmosquitto with QoS 1 and a callback that does nothing. The publisher is a
bare socket writer; what it alone can do is printed as well, so that one sees that it is not the limit."""
import json
import os
import shutil
import sqlite3
import subprocess
import time

from rig import bench, cpu_seconds, median, wait_for

KEYS = 2_000_000


def config(rig, host, port, pack):
    return f"""
relay: {{id: bench, state_dir: {rig.path('state')}, issuer: 测试, help: 服务台, log_level: warning}}
broker: {{host: {host}, port: {port}}}
http: {{listen: ['127.0.0.1:{rig.http}']}}
rules: {{packs: [{pack}]}}
feeds:
  - {{id: f1, type: carrier, areas: ['6101'], rate: 100000/s, window: 500}}
sites:
  - {{id: s1, name: 医院, area: '610113', zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats: []
route: {{receiver: all}}
receivers:
  - {{name: all, pa: [bulletin], displays: all, chats: []}}
"""


def write_lines(path):
    """A hundred templates of about 500 bytes; three of them are scams below their threshold's noise."""
    plain = ("【菜鸟驿站】您的包裹已到雁塔区小寨东路驿站，请凭取件码于今晚八点前来取，逾期将退回寄件人，如需代收请联系驿站工作人员，"
             "感谢您的支持与配合，祝您生活愉快，平安健康。")
    scam = "我是医保局的，您的医保卡在外地被盗刷涉嫌骗保，现在转接公安，请把钱转到安全账户核查，不要告诉家里人，今天办不完就停卡。"
    with open(path, "w", encoding="utf-8") as f:
        for i in range(100):
            text = scam if i in (10, 45, 80) else plain + "，".join(["谢谢"] * (i % 5))
            f.write('{"event_id":"@ID@","seq":@SEQ@,"sent_at":"@TIME@","kind":"sms","area":"610113","confidence":{"given":"2","mapped":"low"},'
                    '"suspect":{"number":"0085*****37","behaviour":"群发"},"text":"' + text + '"}\n')


def preload(rig, args, ids):
    """The keys of two weeks, once; each run begins with a copy."""
    template = rig.path("template-" + ids)
    if os.path.isdir(template):
        return template
    relay = rig.relay(config(rig, "127.0.0.1", rig.port, args.pack))
    rig.end(relay)
    db = sqlite3.connect(rig.path("state/tocsin.db"), isolation_level=None)
    now = int(time.time() * 1000)
    db.execute("BEGIN")
    if ids == "random":
        rows = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT ?1) SELECT 1, lower(hex(randomblob(16))) AS id, i, ?2, 0, NULL FROM n ORDER BY id"
    else:
        rows = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT ?1) SELECT 1, printf('a%015d', i), i, ?2, 0, NULL FROM n"
    db.execute("INSERT OR IGNORE INTO event_key " + rows, (KEYS, now))
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    shutil.move(rig.path("state"), template)
    return template


def where(rig, transport):
    return ["--unix", rig.socket] if transport == "unix" else ["--port", str(rig.port)]


def blast(rig, args, transport, topic, ids, first):
    return subprocess.Popen([args.blaster, *where(rig, transport), "--topic", topic, "--count", str(args.events), "--ids", ids, "--lines",
                             rig.path("lines"), "--first", str(first)], stdout=subprocess.PIPE, text=True)


def publisher_alone(rig, args, transport):
    started = time.monotonic()
    p = blast(rig, args, transport, "nobody/listens", "sequential", 1)
    p.communicate()
    return args.events / (time.monotonic() - started)


def bare(rig, args, transport, ids, first):
    ready = rig.path("ready")
    if os.path.exists(ready):
        os.unlink(ready)
    sub = subprocess.Popen([args.bare, *where(rig, transport), "--topic", "bench/events", "--count", str(args.events), "--window", "500",
                            "--ready", ready], stdout=subprocess.PIPE, text=True)
    wait_for("the subscriber", 10, lambda: os.path.exists(ready))
    started = time.monotonic()
    p = blast(rig, args, transport, "bench/events", ids, first)
    said = json.loads(sub.communicate(timeout=300)[0].strip().splitlines()[-1])
    elapsed = time.monotonic() - started
    p.communicate()
    return args.events / elapsed, said["cpu_us"]


def ours(rig, args, transport, ids, first):
    shutil.rmtree(rig.path("state"), ignore_errors=True)
    shutil.copytree(preload(rig, args, ids), rig.path("state"))
    host, port = (rig.socket, 0) if transport == "unix" else ("127.0.0.1", rig.port)
    relay = rig.relay(config(rig, host, port or 1883, args.pack))
    wait_for("the feed", 10, lambda: rig.metric('tocsin_feed_up{feed="f1"}') == 1)
    cpu = cpu_seconds(relay.pid)
    started = time.monotonic()
    p = blast(rig, args, transport, "tocsin/v1/feeds/f1/events", ids, first)
    wait_for("the events", 300, lambda: rig.metric('tocsin_feed_events_total{feed="f1",status="accepted"}') >= args.events, 0.05)
    elapsed = time.monotonic() - started
    cpu = cpu_seconds(relay.pid) - cpu
    p.communicate()
    rig.end(relay)
    return args.events / elapsed, cpu / args.events * 1e6


def main():
    with bench(__doc__, "tocsin blaster bare pack", events=60000, rounds=3) as (args, rig):
        write_lines(rig.path("lines"))
        rows = []
        for transport in ("tcp", "unix"):
            alone = publisher_alone(rig, args, transport)
            for ids in ("sequential", "random"):
                runs = []
                for n in range(args.rounds):
                    first = 10_000_000 + n * args.events
                    runs.append((bare(rig, args, transport, ids, first), ours(rig, args, transport, ids, first)))
                reference, mine = median([r[0][0] for r in runs]), median([r[1][0] for r in runs])
                rows.append({"bench": "ingest", "case": f"{transport}, {ids} ids", "ours": round(mine), "reference": round(reference),
                             "ratio": round(median([r[1][0] / r[0][0] for r in runs]), 2), "unit": "events/s",
                             "ours_cpu_us": round(median([r[1][1] for r in runs]), 1),
                             "reference_cpu_us": round(median([r[0][1] for r in runs]), 1), "publisher_alone": round(alone)})
    if args.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(f"ingest: durably accepted events against a bare subscriber ({args.events} events a run, {args.rounds} rounds, {KEYS:,} keys stored)")
    print(f"{'':24}{'ours/s':>10}{'bare/s':>10}{'ratio':>8}{'ours CPU':>12}{'bare CPU':>12}{'publisher':>12}")
    for r in rows:
        print(f"{r['case']:24}{r['ours']:>10}{r['reference']:>10}{r['ratio']:>8}{r['ours_cpu_us']:>9} us{r['reference_cpu_us']:>9} us"
              f"{r['publisher_alone']:>12}")


if __name__ == "__main__":
    main()
