#!/usr/bin/env python3
"""A feed in sixty lines: sends event lines, and is done when the relay has answered for each of them.

    feed_client.py --feed sn-cmcc --host broker.example --ca ca.pem --username feed-sn-cmcc < events.jsonl

Needs Eclipse Paho (Debian: python3-paho-mqtt). The password is in the environment, FEED_PASSWORD. The lines stand in for
your own outbox: an event may be forgotten only when its receipt says accepted or duplicate.
"""
import argparse
import json
import os
import sys
import time

import paho.mqtt.client as mqtt

RESEND_AFTER = (5, 15, 60, 300)  # seconds; then every five minutes
HEARTBEAT = 30


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--feed", required=True)
    a.add_argument("--host", default="127.0.0.1")
    a.add_argument("--port", type=int)
    a.add_argument("--ca", help="speak TLS, and trust this CA")
    a.add_argument("--username")
    a.add_argument("--timeout", type=float, default=600, help="give up after so many seconds")
    a = a.parse_args()
    top = "tocsin/v1"
    waiting, refused = {}, 0  # event_id -> [the bytes, attempts, when to send again]
    last_seq = -1

    lines = [line.strip() for line in sys.stdin.buffer if line.strip()]
    for line in lines:
        event = json.loads(line)
        waiting[event["event_id"]] = [line, 0, 0.0]  # these very bytes: a resend must not differ
        last_seq = max(last_seq, event.get("seq", -1))

    def connected(client, *_):
        client.subscribe(f"{top}/receipts/{a.feed}", qos=1)

    def receipt(_client, _data, message):
        nonlocal refused
        for r in json.loads(message.payload)["results"]:
            if r["event_id"] not in waiting:
                continue
            if r["status"] == "rejected" and r.get("retry") == "later":
                continue  # the same bytes again after a while
            if r["status"] == "rejected":
                refused += 1
                print(f"{r['event_id']}: {r['code']} {r.get('member', '')} {r['message']}", file=sys.stderr)
            del waiting[r["event_id"]]

    client = mqtt.Client(client_id=f"{a.feed}.client.{os.getpid()}", protocol=mqtt.MQTTv311, clean_session=True)
    client.on_connect, client.on_message = connected, receipt
    client.max_inflight_messages_set(100)
    if a.ca:
        client.tls_set(a.ca)
    if a.username:
        client.username_pw_set(a.username, os.environ.get("FEED_PASSWORD"))
    client.connect(a.host, a.port or (8883 if a.ca else 1883), keepalive=30)
    client.loop_start()

    end, beat = time.monotonic() + a.timeout, 0.0
    while waiting and time.monotonic() < end:
        now = time.monotonic()
        if client.is_connected():
            if now >= beat and last_seq >= 0:
                client.publish(f"{top}/feeds/{a.feed}/heartbeat", json.dumps({"last_seq": last_seq}), qos=1)
                beat = now + HEARTBEAT
            for entry in list(waiting.values()):
                if now >= entry[2]:
                    client.publish(f"{top}/feeds/{a.feed}/events", entry[0], qos=1, retain=False)
                    entry[2] = now + RESEND_AFTER[min(entry[1], len(RESEND_AFTER) - 1)]
                    entry[1] += 1
        time.sleep(0.05)
    client.loop_stop()
    client.disconnect()
    print(f"{len(lines)} events: {len(lines) - refused - len(waiting)} taken, {refused} refused, {len(waiting)} without receipt")
    return 0 if not refused and not waiting else 1


if __name__ == "__main__":
    sys.exit(main())
