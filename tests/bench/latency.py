"""From an event's publish to the chat's webhook, at a steady rate: every event makes an alert of its own, is committed with
fsync, and posted. The clock starts when the line is written to mosquitto_pub, and stops when the stand-in has the request."""
import base64
import hashlib
import json
import os
import subprocess
import time
from datetime import datetime, timezone

from rig import bench, free_port, wait_for


def main():
    with bench(__doc__, "tocsin standin pack", rate=1000, events=7900) as (args, rig):
        report(args, measure(args, rig))


def measure(args, rig):
    web = free_port()
    rig.start([os.path.abspath(args.standin), "--port", str(web), "--rate", "-1", "--journal", rig.path("posts"), "--quiet"])
    chats = "\n".join(f"  - {{id: g{i}, type: wecom, audience: public, url: 'http://127.0.0.1:{web}/cgi-bin/webhook/send?key=g{i}', "
                      f"allow_insecure: true, rate: 100/s, areas: ['61{10 + i}'], quiet: [], pace: {{red_possible: at_once, a_day: 0, a_rule: 0}}}}" for i in range(80))
    rig.relay(f"""
relay: {{id: bench, state_dir: {rig.path('state')}, issuer: 测试, help: 服务台, log_level: warning}}
broker: {{host: {rig.socket}}}
http: {{listen: ['127.0.0.1:{rig.http}']}}
rules: {{packs: [{args.pack}]}}
feeds:
  - {{id: f1, type: carrier, areas: ['61'], rate: 100000/s, window: 500}}
sites: []
chats:
{chats}
route: {{receiver: all, group_by: [rule, area6]}}
receivers:
  - {{name: all, pa: [], displays: [], chats: all}}
""")
    pusher = subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(rig.port), "-V", "5", "-q", "1", "-l", "-t",
                               "tocsin/v1/feeds/f1/events"], stdin=subprocess.PIPE)
    rig.children.append(pusher)
    time.sleep(0.5)
    begun = {}
    start = time.monotonic()
    for n in range(args.events):
        area = f"61{10 + n % 80}{n // 80 % 99 + 1:02d}"
        due = start + n / args.rate
        while time.monotonic() < due:
            time.sleep(max(0, due - time.monotonic()) / 2)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"event_id": f"e{n}", "sent_at": now, "area": area, "kind": "call", "text": "请把钱转账到安全账户核查"},
                          ensure_ascii=False).encode() + b"\n"
        begun[n] = time.time_ns() // 1000
        pusher.stdin.write(line)
        pusher.stdin.flush()
    wait_for("the posts", 60, lambda: sum(1 for _ in open(rig.path("posts"))) >= args.events, 0.2)
    # Events are taken in order, so the n-th alert is the n-th event’s; the post carries its short id.
    by_short = {}
    stories = json.loads(subprocess.run([args.tocsin, "deliveries", "list", "--limit", str(args.events + 10), "--json", "-c",
                                         rig.path("tocsin.yaml")], capture_output=True, text=True, check=True).stdout)
    for d in stories:
        short = base64.b32encode(hashlib.sha256(d["id"].encode()).digest()).decode()[:5]
        by_short[(d["target"].partition(":")[2], short)] = int(d["alert"].rpartition("-")[2]) - 1
    took = []
    for line in open(rig.path("posts"), encoding="utf-8"):
        post = json.loads(line)
        short = post["content"].rpartition("编号 ")[2][:5]
        n = by_short.get((post["key"], short))
        if n is not None:
            took.append((post["at_us"] - begun[n]) / 1000)
    if len(took) < args.events * 0.99:
        raise SystemExit(f"bench: only {len(took)} of {args.events} posts could be told apart")
    return sorted(took)


def report(args, took):
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    if args.json:
        for name, value, aim in (("p50", p50, 2), ("p99", p99, 5)):
            print(json.dumps({"bench": "latency", "case": f"publish to webhook {name} at {args.rate}/s", "ours": round(value, 2),
                              "reference": aim, "ratio": round(value / aim, 2), "unit": "ms"}))
        return
    print(f"latency: publish to webhook at {args.rate} events/s, every event an alert ({len(took)} measured)")
    print(f"  p50 {p50:.2f} ms (aim 2)   p90 {took[len(took) * 9 // 10]:.2f} ms   p99 {p99:.2f} ms (aim 5)   most {took[-1]:.2f} ms")


if __name__ == "__main__":
    main()
