#!/usr/bin/env python3
"""What a pack has learned, in the running relay: a text that is like a kind makes that rule's alert, one that has the words and
is like nothing waits for a person, a file that is damaged keeps the set in force, and a new one is taken at a reload.
usage: learned.py --tocsin PROGRAM"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import PACK, Still, main  # noqa: E402
from rig import free_port  # noqa: E402

LEARNED = "medins_safe_account\t-7000\t\nmedins_safe_account\t9000\t统筹金\n"


class Learned(Still):
    def configuration(self):
        os.mkdir(self.path("pack"))
        with open(os.path.join(PACK, "rules.yaml"), encoding="utf-8") as f:
            rule = f.read().split("  samples:")[0].replace("    near: 60\n", "    near: 60\n    learned: {enough: 80, doubt: true}\n")
        self.write("pack/rules.yaml", rule + "  samples: {match: ['统筹金转账到安全账户'], pass: ['今天天气好']}\n")
        self.write("pack/likeness.tsv", LEARNED)
        return f"""
relay: {{id: lr, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [{self.path('pack')}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61']}}
route: {{receiver: none, group_by: [rule, area6]}}
receivers:
  - {{name: none}}
"""

    def reload(self, word):
        seen = self.read("log").count(word)
        self.process.send_signal(signal.SIGHUP)
        self.until(word, lambda: self.read("log").count(word) > seen)


def learned(r):
    r.event(1, "610101", text="您的统筹金有一笔没有领，请配合办理")
    assert r.cli("alerts", "show", r.alert_in("610101"))["rule"] == "crash_test"
    r.event(2, "610102", text="把钱转账到安全账户")
    review = r.until("the review list", lambda: r.cli("alerts", "list", "--review"))
    assert [(e["event_id"], e["note"]) for e in review] == [("e2", "unsure")], review
    assert r.cli("alerts", "confirm", str(review[0]["event"]), "--by", "王队")["alert"], "a person may say that it is one"

    r.write("pack/likeness.tsv", "damaged\n")
    r.reload("reload")
    r.event(3, "610103", text="统筹金没有领，请办理")
    r.alert_in("610103")  # the set that was in force goes on
    assert "likeness.tsv:1" in r.read("log"), r.read("log")

    r.write("pack/likeness.tsv", LEARNED.replace("统筹金", "体检卡") + "medins_safe_account\t9000\t安全账\n")
    r.reload("reloaded ")
    r.event(4, "610104", text="统筹金没有领，请办理")
    r.event(5, "610105", text="您的体检卡请激活")
    r.alert_in("610105")
    assert not any(a["areas"] == "610104" for a in r.cli("alerts", "list"))


main(Learned, learned)
