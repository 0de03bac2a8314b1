#!/usr/bin/env python3
"""A police officer's first ten minutes, with the real commands: texts of a scam and harmless ones, proposed words of which
two are struck, explain, lint with seconds and forbidden words, the voice heard as a WAV, install, what the last days would
have brought, a second officer who makes it stable, and the way back. A restart in between forgets nothing.
usage: officer.py --tocsin PROGRAM --player PROGRAM"""
import glob
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import ENGLISH, SOURCE, Still, main  # noqa: E402
from rig import free_port  # noqa: E402

SCAMS = """您好，我是市医保服务专员，您的医保卡需要换成三代卡，请交工本费一百二十元，微信转我就能办
医保三代卡换发：旧卡月底不能用，请加专员微信，交工本费一百二十元，快递到家
老人家，医保卡要换三代卡了，工本费一百二十元，您微信转给我，我给您送到家
"""
HARMLESS = """【医保局】第三代社会保障卡免费换发，请到银行网点办理，不用交钱
医保局提醒：换领三代社保卡不收任何费用，不要向个人微信转账
您好，您申请的三代社保卡已制好，请携带身份证到社区领取
"""
VOICE = "防骗提醒。有人说医保卡要换卡，让您先交工本费。这是骗子。不要转账，不要加微信。拿不准，先问护士或者保安。"


class Officer(Still):
    number = 0

    def configuration(self):
        os.mkdir(self.path("pack"))
        self.write("pack/empty.yaml", "[]\n")
        return f"""
relay: {{id: of, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{free_port()}']}}
rules: {{packs: [pack]}}
feeds: [{{id: f1, type: carrier, source: file, path: in.jsonl, areas: ['61']}}]
sites: [{{id: s1, name: 医院, area: '6101', zones: [{{id: hall, class: hall}}]}}]
chats: [{{id: room, type: file, audience: duty, path: room.jsonl}}]
route: {{receiver: everyone}}
receivers: [{{name: everyone, pa: [bulletin], chats: all}}]
"""

    def rules(self, *words, fails=False):
        return self.said("rules", *words, fails=fails)

    def said(self, *words, fails=False):
        done = subprocess.run([self.tocsin, *words], capture_output=True, text=True, cwd=self.folder,
                              env=dict(ENGLISH, TOCSIN_CONFIG=self.path("tocsin.yaml"), **self.env))
        assert (done.returncode != 0) == fails, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def happens(self, text, area, times=1):
        for _ in range(times):
            self.number += 1
            self.event(self.number, area, text=text, count=1)


def ten_minutes(r):
    # A week has gone by in the hospital: nobody had a rule for this.
    lines = SCAMS.splitlines()
    for i in range(4):
        r.happens(lines[i % 3], "610113")
        r.happens(lines[i % 3], "610403")
    r.happens(lines[0], "610104")  # one alone: below the threshold
    for line in HARMLESS.splitlines():
        r.happens(line, "610113", times=3)
    r.until("the events", lambda: r.status()["feeds"][0]["accepted"] == 18)

    # Words out of texts; she strikes two and fills in the sentences.
    r.write("scam.txt", SCAMS)
    r.write("normal.txt", HARMLESS)
    r.rules("new", "local_xian_card3", "--from", "scam.txt", "--not", "normal.txt", "-o", "rule.yaml")
    text = r.read("rule.yaml")
    words = re.search(r"  words:\n((?:    - .*\n)+)", text).group(1)
    assert "工本费" in words, words
    text = text.replace(words, "    - ['工本费']\n    - ['三代卡', '换卡', '医保卡']\n")
    assert r.rules("lint", "rule.yaml", fails=True).count("……"), "the template's gaps are no texts"

    # Explain: what is found is marked, and why the harmless one is not.
    r.write("draft.yaml", text)
    found = r.rules("explain", "--packs", "draft.yaml", lines[0], fails=False)
    assert "Found by local_xian_card3" in found and "⟦工本费⟧" in found, found
    missed = r.rules("explain", "--packs", "draft.yaml", HARMLESS.splitlines()[2])
    assert "No rule finds it" in missed, missed

    # What is said: too long, a forbidden word, no action; then right.
    filled = fill(text)
    r.write("rule.yaml", filled.replace(VOICE, VOICE.replace("防骗提醒。", "红色预警。") * 2))
    wrong = r.rules("lint", "rule.yaml", fails=True)
    assert re.search(r"\d+ characters take \d+\.\d s; at most 20 s", wrong), wrong
    assert "预警" in wrong or "红色" in wrong, wrong
    r.write("rule.yaml", filled)
    right = r.rules("lint", "rule.yaml")
    assert "0 errors" in right, right
    r.rules("test", "rule.yaml")
    hear(r)

    # Try, then install: what the week would have brought, and her name on it.
    tried = json.loads(r.rules("try", "rule.yaml", "--since", "7d", "--json"))
    assert (tried["events"], tried["found"], tried["new"], tried["alerts"]) == (18, 9, 9, 2), tried
    assert {a["name"]: a["alerts"] for a in tried["areas"]} == {"雁塔区": 1, "渭城区": 1} or len(tried["areas"]) == 2, tried
    assert len(tried["examples"]) == 9 and tried["examples"][0]["alert"], tried
    long_ago = r.rules("try", "rule.yaml", "--since", "400d")
    assert long_ago.startswith("Since 2026-01-25 ") and "Of events that no rule had found the oldest is of 12:0" in long_ago, long_ago
    r.write("elsewhere.yaml", r.read("tocsin.yaml").replace("state_dir: state", "state_dir: elsewhere"))
    assert "when it first runs" in r.rules("try", "rule.yaml", "-c", "elsewhere.yaml", fails=True)
    assert "say who you are" in r.rules("install", "rule.yaml", fails=True)
    shown = r.rules("install", "rule.yaml", "--by", "李警官")
    assert "2 alerts in 2 districts" in shown and "⟦" in shown and "entered as `test`" in shown, shown
    r.until("the rule", lambda: r.status()["rules"] == 1)
    assert "already" in r.rules("install", "rule.yaml", "--by", "李警官", fails=True)

    # In test it makes exercises only.
    r.happens(lines[0], "610113", times=3)
    alert = r.until("the exercise", lambda: r.cli("alerts", "list"))[0]
    assert alert["status"] == "Exercise", alert

    # The one who wrote it may not set it stable; a second officer may, and a restart keeps it.
    assert "second person" in r.rules("stable", "local_xian_card3", "--by", "李警官", fails=True)
    assert "is stable" in r.rules("stable", "local_xian_card3", "--by", "王警官", "--reason", "一周无误报")
    r.until("the stable rule", lambda: "status: stable" in r.read("state/rules/local_xian_card3.yaml"))
    r.kill()
    os.remove(r.path("state/rules/local_xian_card3.yaml"))  # the store knows it
    r.start()
    listed = json.loads(r.rules("list", "--json"))
    assert [(r["rule"], r["status"], r["by"]) for r in listed] == [("local_xian_card3", "stable", "王警官")], listed
    r.happens(lines[1], "610104", times=3)
    real = r.until("the alert", lambda: [a for a in r.cli("alerts", "list") if a["status"] == "Actual"])[0]
    assert real["rule"] == "local_xian_card3"

    # What is installed is looked at with the packs; what somebody edited there by hand is named, and the way out of it.
    assert "rules 1" in r.said("check")
    edited = r.read("state/rules/local_xian_card3.yaml") + "colour: red\n"
    r.write("state/rules/local_xian_card3.yaml", edited)
    wrong = r.said("check", fails=True)
    assert f"state/rules/local_xian_card3.yaml:{edited.count(chr(10))}: " in wrong, wrong
    assert "`tocsin rules revert local_xian_card3 --by NAME`" in wrong, wrong
    assert "`tocsin check` names them" in r.said("doctor", fails=True)

    # Undo, step by step, by name. Another file that is wrong keeps the relay with what it had, and that is said.
    r.write("pack/other.yaml", "colour: [\n")
    kept = r.rules("revert", "local_xian_card3", "--by", "李警官", "--reason", "误报", fails=True)
    assert "not in force" in kept and "pack/other.yaml:" in kept and "is in force, as" not in kept, kept
    assert "pack/other.yaml:" in r.status()["reload_refused"] and "pack/other.yaml:" in r.said("status", fails=True)
    assert "pack/other.yaml:" in r.said("reload", fails=True)
    os.remove(r.path("pack/other.yaml"))
    assert "read anew" in r.said("reload") and "reload_refused" not in r.status()
    undone = r.rules("revert", "local_xian_card3", "--by", "李警官")
    assert "nothing of it" in undone and f"Its alert {real['id']} stays in force" in undone, undone
    assert r.status()["rules"] == 0, "what is said to be taken back still runs"
    r.rules("install", "rule.yaml", "--by", "李警官")  # its id is free again at once
    assert r.status()["rules"] == 1
    assert "nothing of it" in r.rules("revert", "local_xian_card3", "--by", "李警官")
    assert "no rule" in r.rules("revert", "local_xian_card3", "--by", "李警官", fails=True)
    assert json.loads(r.rules("list", "--json")) == []


def hear(r):
    """The sentence, from the hospital's own player, into a file."""
    r.write("pa.yaml", f"""
player: {{site: s1, state_dir: pa-state, mode: trial}}
broker: {{port: {free_port()}}}
speech: {{lexicon: [{SOURCE}/adapters/pa/player/data/lexicon.tsv],
      engine: [espeak-ng, -v, cmn-latn-pinyin, -s, '450', --stdin, --stdout]}}
zones: [{{id: desk, class: hall, quiet: [none], outputs: [drop]}}] # she may write in the evening
outputs: [{{id: drop, type: file, dir: wav}}]
""")
    with open(r.path("pa.log"), "w") as log:
        player = subprocess.Popen([r.player, "run", "-c", r.path("pa.yaml")], stderr=log)

    def say():
        return subprocess.run([r.player, "say", "desk", VOICE, "--by", "李警官", "-c", r.path("pa.yaml")],
                              capture_output=True).returncode == 0
    try:
        r.until("the player", say)
        wav = r.until("the WAV", lambda: glob.glob(r.path("wav/**/*.wav"), recursive=True))
        assert os.path.getsize(wav[0]) > 50000, "there is hardly a word in it"
    finally:
        player.terminate()
        player.wait(30)


def fill(text):
    """The template with its gaps filled, as she would."""
    for line, new in (
            (r"^status: .*$", "status: experimental"),
            (r"^title: .*$", "title: 冒充医保专员收换卡工本费"),
            (r"^  voice: .*$", f"  voice: {VOICE}"),
            (r"^  voice_short: .*$", "  voice_short: 防骗提醒。说医保卡换卡要交工本费的，是骗子。不要转账，先问护士或者保安。"),
            (r"^  screen: .*$", "  screen: {headline: 说换卡要交钱，是骗子, lines: [别交工本费, 别转账, 先问护士或窗口]}"),
            (r"^    有人…….*$", "    有人冒充医保专员，说“换三代卡要交工本费”。这是诈骗。"),
            (r"^    不……，不转账。$", "    不加微信，不转账。"),
            (r"^    \{\{area\}\} \{\{count\}\}：……$", "    {{area}} {{count}}：冒充医保专员收换卡工本费，收款为私人微信。"),
            (r"^  caught: .*$", "  caught: 已经转了：马上打银行客服冻结银行卡，再打 110。"),
            (r"^  correction: .*$", "  correction: 更正。之前播的换卡提醒，经警方核实有误，请您不必担心。"),
            (r"^falsepositives: .*$", "falsepositives: ['银行代办社保卡的收费说明']"),
            (r"^references: .*$", "references: ['雁塔区警情 2026 年 11 月']")):
        text, n = re.subn(line, lambda _: new, text, flags=re.M)
        assert n == 1, f"the template has no line {line}"
    return text


if __name__ == "__main__":
    main(Officer, ten_minutes)
