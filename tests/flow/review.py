#!/usr/bin/env python3
"""People and what waits for them, through the real command line: candidates, approval by one and by two, reject, acknowledge,
dismiss, and a site's way from trial to live. Targets are files. usage: review.py --tocsin PROGRAM --pack DIR"""
import argparse
import json
import os
import subprocess
import tempfile
import time
from datetime import datetime, timezone


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    parser.add_argument("--pack", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-review-") as folder:
        run(os.path.abspath(args.tocsin), os.path.abspath(args.pack), folder)
    print("review: all as it should be")


def run(tocsin, pack, folder):
    def path(name):
        return os.path.join(folder, name)

    with open(path("tocsin.yaml"), "w", encoding="utf-8") as f:
        f.write(f"""
relay: {{id: rv, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
rules: {{packs: [{pack}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {path('in.jsonl')}, areas: ['61']}}
sites:
  - {{id: s1, name: 医院, area: '6101', mode: trial, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats:
  - {{id: club, type: file, audience: volunteer, quiet: [], path: {path('club.jsonl')}, areas: ['62', '63', '64']}}
  - {{id: room, type: file, audience: duty, quiet: [], path: {path('room.jsonl')}}}
route:
  receiver: everyone
  group_by: [rule, area6]
  routes:
    - {{matchers: ['area2="63"'], receiver: everyone, approve: one}}
    - {{matchers: ['area2="64"'], receiver: everyone, approve: two}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
""".replace("areas: ['61']", "areas: ['61', '62', '63', '64']"))
    open(path("in.jsonl"), "w").close()
    relay = subprocess.Popen([tocsin, "run", "-c", path("tocsin.yaml")], stderr=open(path("log"), "w"))

    def cli(*words, fails=False):
        done = subprocess.run([tocsin, *words, "-c", path("tocsin.yaml"), "--json"], capture_output=True, text=True,
                              env=dict(os.environ, TOCSIN_LANG="en"))
        assert (done.returncode != 0) == fails, f"tocsin {words}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout)

    def until(what, test):
        for _ in range(200):
            found = test()
            if found:
                return found
            time.sleep(0.02)
        raise SystemExit(f"review: waited in vain for {what}: " + open(path("log")).read()[-2000:])

    def event(number, area, **more):
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        with open(path("in.jsonl"), "a") as f:
            f.write(json.dumps({"event_id": f"e{number}", "sent_at": now, "area": area, "kind": "call",
                                "text": "请把钱转账到安全账户核查", **more}, ensure_ascii=False) + "\n")

    def states(alert):
        return {d["target"]: (d["state"], d["reason"]) for d in cli("deliveries", "list", "--alert", alert)}

    def alert_in(area):
        return until(f"an alert in {area}", lambda: next((a["id"] for a in cli("alerts", "list") if a["areas"] == area), None))

    try:
        until("the relay", lambda: os.path.exists(path("state/control.sock")))
        # Trial: recorded and held, only the duty room hears of it, headed 【试运行】.
        event(1, "610113", count=5)
        alert = alert_in("610113")
        until("the duty room", lambda: states(alert)["file:room"][0] == "sent")
        for target in ("pa:s1/hall", "bulletin:s1", "board:s1/w1"):
            assert states(alert)[target] == ("held", "trial"), states(alert)
        assert "【试运行】" in open(path("room.jsonl")).read()
        # Screens, by a named person: the board shows what is in force; the loudspeaker stays silent.
        cli("site", "mode", "s1", "screens", fails=True)
        cli("site", "mode", "s1", "screens", "--by", "李科长")
        assert until("the board", lambda: states(alert)["board:s1/w1"][0] != "held")
        assert states(alert)["pa:s1/hall"] == ("held", "trial")
        assert cli("site", "list")[0]["mode"] == "screens"

        # One person's approval.
        event(2, "630101", count=5)
        alert = alert_in("630101")
        assert states(alert)["file:club"] == ("held", "approval")
        cli("alerts", "approve", alert, "--by", "王队")
        until("the club", lambda: states(alert)["file:club"][0] == "sent")
        assert "approve" in json.dumps(cli("alerts", "show", alert)["actions"])

        # Two different persons.
        event(3, "640101", count=5)
        alert = alert_in("640101")
        assert states(alert)["file:club"] == ("held", "approval two")
        assert cli("alerts", "approve", alert, "--by", "王队")["waiting"] is True
        assert "王队" in cli("alerts", "approve", alert, "--by", "王队", fails=True)
        assert states(alert)["file:club"][0] == "held"
        cli("alerts", "approve", alert, "--by", "张队")
        until("the club", lambda: states(alert)["file:club"][0] == "sent")

        # Rejected is the end of it.
        event(4, "630201", count=5)
        alert = alert_in("630201")
        cli("alerts", "reject", alert, "--by", "王队", "--reason", "误报")
        assert states(alert)["file:club"][0] == "rejected"
        cli("alerts", "approve", alert, "--by", "王队", fails=True)

        # A ward's report waits for a person: confirmed it is Observed, dismissed it is gone.
        event(5, "620101", kind="report")
        event(6, "620102", kind="report")
        review = until("the review list", lambda: (lambda r: r if len(r) == 2 else None)(cli("alerts", "list", "--review")))
        by_id = {r["event_id"]: str(r["event"]) for r in review}
        assert cli("alerts", "confirm", by_id["e5"], "--by", "王队")["alert"]
        alert = alert_in("620101")
        assert cli("alerts", "show", alert)["certainty"] == "Observed"
        until("the club", lambda: states(alert)["file:club"][0] == "sent")
        cli("alerts", "dismiss", by_id["e6"], "--by", "王队")
        cli("alerts", "dismiss", by_id["e6"], "--by", "王队", fails=True)
        assert cli("alerts", "list", "--review") == []

        cli("alerts", "ack", alert, "--by", "值班员")
        assert "值班员" in cli("alerts", "ack", alert, "--by", "别人", fails=True)
    finally:
        relay.terminate()
        relay.wait(10)


if __name__ == "__main__":
    main()
