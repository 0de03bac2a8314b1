#!/usr/bin/env python3
"""Everything that leaves the relay by MQTT and HTTP after events full of somebody's data: what the players speak and show, boards,
receipts, the groups' messages. usage: personal_sent.py --tocsin PROGRAM --standin PROGRAM --pack DIR"""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]
from personal import MEMBERS, SOMEBODY, clean  # noqa: E402
from rig import FRAUD, Rig, stamp  # noqa: E402


def run(rig):
    rig.broker_start()
    rig.standin_start()
    rig.listen()
    site = rig.site(wards=[{"id": "w1", "name": "一病区"}])
    rig.configure(sites=[site], receivers=[{"name": "everyone", "pa": ["announce", "bulletin"], "displays": "all", "chats": "all"}])
    rig.relay_start()
    first, = rig.publish(area="610113", text=f"{FRAUD}。{SOMEBODY}", **MEMBERS)
    rig.publish(area="610114", text=SOMEBODY, txn={"memo": f"{SOMEBODY}，{FRAUD}"})
    rig.until_accepted()
    rig.ask("alerts", "confirm", rig.accepted[first], "--by", "王警官", "--reason", SOMEBODY)

    # Refused, each for another member; what is said of it names none of it.
    wrong = [{"kind": SOMEBODY}, {"area": SOMEBODY}, {"count": SOMEBODY}, {"observed_at": SOMEBODY}, {"references": [SOMEBODY]}, {"victim": SOMEBODY}]
    for number, members in enumerate(wrong):
        rig.push(json.dumps({"event_id": f"w{number}", "sent_at": stamp(), "text": SOMEBODY, **members}, ensure_ascii=False))
    rig.push(json.dumps({"event_id": "w6", "sent_at": stamp(), "text": SOMEBODY}, ensure_ascii=False)[:-2])

    def said(kind):
        return [line.partition(" ")[2] for line in list(rig.said_by_relay.lines) if line.startswith("tocsin/v1/") and kind in line.partition(" ")[0]]

    rig.until("the refusals", 10, lambda: sum(m.count('"rejected"') for m in said("/receipts/")) == len(wrong) + 1)
    rig.until("speech, boards and bulletins", 10, lambda: said("/announce") and said("/bulletin") and said("/board"))
    rig.until("the groups", 10, lambda: rig.said() and rig.lines_of("log"))
    rig.ask("alerts", "cancel", rig.accepted[first], "--by", "王警官", "--reason", SOMEBODY)
    rig.until("the correction", 10, lambda: "更正" in rig.said())
    for line in list(rig.said_by_relay.lines):
        topic, _, payload = line.partition(" ")
        if not topic.endswith("/events"):  # that is the feed's own
            clean(topic, payload)
    for name in ("chat", "log"):
        clean(name, json.dumps(rig.lines_of(name), ensure_ascii=False))
    clean("log", rig.log())


def main():
    parser = argparse.ArgumentParser()
    for name in ("tocsin", "standin", "pack"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    with Rig("sent", args.tocsin, args.standin, args.pack) as rig:
        run(rig)


if __name__ == "__main__":
    main()
