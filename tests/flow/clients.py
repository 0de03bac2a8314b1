#!/usr/bin/env python3
"""The sample clients of packaging/doc, against a real relay: every event has its receipt, a refused one is named, and what was
sent twice is counted once. `feed push --csv` with the sample mapping as well.

usage: clients.py --tocsin PROGRAM --standin PROGRAM --pack DIR python|java|csv|signoff
"""
import argparse
import json
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from rig import FRAUD, Rig, require, skip, stamp  # noqa: E402

DOC = os.path.join(HERE, "..", "..", "packaging", "doc")
JARS = ":".join(f"/usr/share/java/{name}.jar" for name in ("mqtt-client", "hawtbuf", "hawtdispatch", "hawtdispatch-transport", "gson"))


def command(kind):
    if kind == "python":
        if subprocess.run(["/usr/bin/python3", "-c", "import paho.mqtt.client"], stderr=subprocess.DEVNULL, check=False).returncode:
            skip("python3-paho-mqtt is not installed; packaging/setup test")
        return ["/usr/bin/python3", os.path.join(DOC, "clients", "feed_client.py")]
    if not all(os.path.exists(jar) for jar in JARS.split(":")) or not os.path.exists("/usr/bin/java"):
        skip("java with the MQTT client is not installed; packaging/setup test")
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        skip(f"the Java client's library wants this machine's own name, {socket.gethostname()}, to resolve; see /etc/hosts")
    return ["/usr/bin/java", "-cp", JARS, os.path.join(DOC, "clients", "FeedClient.java")]


def event(n, **more):
    return {"event_id": f"c{n}", "seq": n, "sent_at": stamp(), "kind": "sms", "text": FRAUD, "area": "610113", **more}


def clients(rig, kind):
    argv = [*command(kind), "--feed", "f1", "--port", str(rig.broker_port), "--timeout", "60"]

    def send(events):
        lines = "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in events)
        return subprocess.run(argv, input=lines, capture_output=True, text=True, timeout=90, check=False)
    good = [event(n) for n in range(1, 6)]
    done = send(good)
    require(done.returncode == 0 and "5 taken, 0 refused, 0 without" in done.stdout, f"{done.stdout}{done.stderr}")
    again = send([*good, event(6, kind="fax")])
    require(again.returncode == 1 and "5 taken, 1 refused, 0 without" in again.stdout, f"{again.stdout}{again.stderr}")
    require("c6: unknown_kind" in again.stderr, again.stderr)
    counted = rig.page("/metrics")[1].splitlines()
    for status in ("accepted", "duplicate"):
        require(f'tocsin_feed_events_total{{feed="f1",status="{status}"}} 5' in counted, f"not five {status}")


def csv(rig):
    sample = os.path.join(DOC, "clients", "bank.csv")
    with open(sample, encoding="utf-8") as f:
        rows = f.read().replace("2026-11-22", stamp()[:10])
    with open(rig.path("bank.csv"), "w", encoding="gb18030") as f:
        f.write(rows)

    def push():
        return subprocess.run([rig.tocsin, "feed", "push", "--feed", "f1", "--port", str(rig.broker_port), "--spool", rig.path("spool"),
                               "--timeout", "30s", "--json", "--csv", os.path.join(DOC, "clients", "bank.yaml"), rig.path("bank.csv")],
                              capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ, TOCSIN_LANG="en"))
    first, second = push(), push()
    n = len(rows.strip().splitlines()) - 1
    require(first.returncode == 0 and json.loads(first.stdout)["accepted"] == n, f"{first.stdout}{first.stderr}")
    require(second.returncode == 0 and json.loads(second.stdout)["duplicate"] == n, f"{second.stdout}{second.stderr}")


def signoff(rig):
    """What feed.zh-CN.md promises in its list to sign, numbers 2 to 9, as one who types it by hand would see it."""
    receipts = rig.subscribe("tocsin/v1/receipts/f1")
    seen = 0

    def answer(payload, status, code=None, member=None):
        nonlocal seen
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(rig.broker_port), "-V", "5", "-q", "1", "-t",
                        "tocsin/v1/feeds/f1/events", "-m", text], check=True)
        rig.until("a receipt", 5, lambda: len(receipts.lines) > seen)
        result, = json.loads(receipts.lines[seen].partition(" ")[2])["results"]
        seen += 1
        require((result["status"], result.get("code")) == (status, code), f"{payload}: {result}")
        require(member is None or result["member"] == member, f"{payload}: {result}")
        with open(os.path.join(DOC, "feed.zh-CN.md"), encoding="utf-8") as f:
            require(not code or f"| `{code}` |" in (doc := f.read()) and f"{code}" in doc.partition("## 6.")[2], f"{code} is not described")
    rig.until("the subscription", 5, lambda: rig.page("/readyz")[0] == 200)
    one = event(1)
    answer(one, "accepted")
    answer(one, "duplicate")
    answer({**one, "text": FRAUD + "。"}, "rejected", "id_conflict")
    answer({k: v for k, v in event(2).items() if k != "sent_at"}, "rejected", "missing_member", "sent_at")
    answer(event(3, sent_at="2026-11-22T18:33:55"), "rejected", "bad_time", "sent_at")
    answer(event(4, kind="fax"), "rejected", "unknown_kind", "kind")
    answer(event(5, area="440300"), "rejected", "area_not_allowed", "area")
    answer('{"event_id":"c6","sent_at":', "rejected", "malformed_json")
    answer(event(7), "accepted")


def main():
    parser = argparse.ArgumentParser()
    for name in ("tocsin", "standin", "pack"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("kind", choices=["python", "java", "csv", "signoff"])
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    with Rig("clients", args.tocsin, args.standin, args.pack) as rig:
        rig.broker_start()
        rig.configure(chats=[rig.file_chat()])
        rig.relay_start()
        if args.kind in ("csv", "signoff"):
            {"csv": csv, "signoff": signoff}[args.kind](rig)
        else:
            clients(rig, args.kind)


if __name__ == "__main__":
    main()
