#!/usr/bin/env python3
"""Events full of somebody's data go in, every way out of the relay is looked through, and none of it comes out: what is spoken,
posted and shown, lists, reports, examples, pages, log, store, backup.
usage: personal.py --tocsin PROGRAM"""
import glob
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import ENGLISH, PACK, Relay, main  # noqa: E402
from rig import FRAUD, free_port, stamp  # noqa: E402

# All made up. What is looked for is the shortest piece that would tell who it is.
SOMEBODY = ("患者王建国（男，65岁）住3号楼5楼12床，家属李秀英１３８００１３８０００，身份证610113195507081238，卡号6217 9988 4112 3459，"
            "微信wang_jianguo88，邮箱jianguo.wang@mail.example.com，家住朱雀大街12号3单元1203，护照E12345678，住院号ZY202600123，"
            "车牌陕A12K45，联系人：阿依古丽·买买提、张桂兰，座机029-88886666")
PIECES = ("建国", "秀英", "桂兰", "古丽", "13800138000", "１３８００", "0138000", "610113195507081238", "6217 9988", "62179988", "jianguo", "朱雀",
          "1203", "12床", "12345678", "ZY2026", "zy2026", "A12K45", "a12k45", "88886666")
MEMBERS = {"victim": {"ref": "13800138000", "name": "王建国", "patientName": "王建国", "ward": "5楼12床"},
           "txn": {"payee_name": "李秀英", "payee_acct": "6217998841123459", "amount": 5000},
           "suspect": {"number": "13800138000", "behaviour": "冒充王建国医生"},
           "custName": "王建国", "PhoneNumber": "13800138000", "phone2": 13800138000, "id-card": "610113195507081238", "contact": "vx jianguo_8",
           "wechat": "jianguo_w", "plateNo": "陕A12K45", "王建国13800138000": "x", "nested": [{"linkman": "李秀英", "home_address": "朱雀大街12号"}]}
# Words that people give with what they do.
REASON = "王建国女士来电13800138000，家属李秀英在12床核实过"


class Somebody(Relay):
    def configuration(self):
        self.port = free_port()
        return f"""
relay: {{id: pd, state_dir: state, issuer: 测试, help: 服务台, language: en}}
broker: {{host: 127.0.0.1, port: 1}}
http: {{listen: ['127.0.0.1:{self.port}']}}
rules: {{packs: [{PACK}]}}
feeds:
  - {{id: f1, type: bank, source: file, path: {self.path('in.jsonl')}, areas: ['61', '62']}}
sites:
  - {{id: s1, name: 医院, area: '610113', mode: live, zones: [{{id: hall, class: hall}}], wards: [{{id: w1, name: 一病区}}]}}
chats:
  - {{id: club, type: file, audience: volunteer, quiet: [], path: {self.path('club.jsonl')}}}
  - {{id: room, type: file, audience: duty, quiet: [], path: {self.path('room.jsonl')}}}
route: {{receiver: everyone}}
receivers: [{{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}]
"""

    def raw(self, line):
        with open(self.path("in.jsonl"), "ab") as f:
            f.write(line + b"\n")

    def received(self):
        return sum(f["accepted"] + f["rejected"] for f in self.status()["feeds"])


def clean(where, text):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    for piece in PIECES:
        at = text.find(piece)
        assert at < 0, f"{where}: …{text[max(0, at - 80):at + 60]}…"


def page(url, **headers):
    """What is there, or at the beginning of a stream."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            stream = "event-stream" in answer.headers.get("Content-Type", "")
            return answer.read1(65536).decode() if stream else answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as e:
        return e.read().decode("utf-8", "replace")


def console(r, paths):
    """Its pages, as the browser of the person who opened it gets them."""
    terminal, theirs = os.openpty()
    with open(r.path("console-said"), "wb") as said:
        process = subprocess.Popen([r.tocsin, "console", "--by", "王警官", "-c", r.path("tocsin.yaml")], stdin=theirs, stdout=said,
                                   stderr=said, env=ENGLISH)
    os.close(theirs)
    try:
        address = r.until("an address", lambda: re.findall(r"http:\S+", r.read("console-said")))[0]
        with urllib.request.urlopen(address, timeout=10) as answer:
            first, cookie = answer.read().decode(), answer.headers["Set-Cookie"].split(";")[0]
        key = {"Cookie": cookie, "X-Tocsin-Key": re.search(r"'tocsin-key','(\w+)'", first)[1]}
        origin = address.rsplit("/", 1)[0]
        return [("console", first)] + [(path, page(origin + path, **key)) for path in paths]
    finally:
        process.terminate()
        process.wait(10)
        os.close(terminal)


def nobody(r):
    # Found and sent; found and below its threshold for lack of leave; not found; and each way to be refused.
    r.event(1, "610113", text=f"{FRAUD}。{SOMEBODY}", **MEMBERS)
    r.event(2, "610114", text={"body": f"{SOMEBODY} {FRAUD}", "kind": "王建国13800138000"}, handling={"may_broadcast": False, "note": SOMEBODY})
    r.event(3, "610113", text=SOMEBODY, **MEMBERS)
    r.event(4, "610113", text=SOMEBODY, kind="王建国13800138000")
    r.event(5, "王建国13800138000")
    r.event(6, "610113", count=SOMEBODY)
    r.event(7, "610113", msg_kind="cancel", references=["王建国13800138000"])
    r.event(8, "610113", handling={"tlp": SOMEBODY})
    r.event(9, "610113", observed_at=SOMEBODY)
    twice = json.dumps(SOMEBODY, ensure_ascii=False)
    good = f'"event_id":"e10","sent_at":"{stamp()}"'
    for line in (f'{{{good},"text":{twice}', f'{{{good},"text":{twice},{twice}:1,{twice}:2}}', f'{{{good},"text":{twice}}} {SOMEBODY}', SOMEBODY,
                 f'{{"event_id":{twice},"text":{twice}}}', f'{{"event_id":"王建国13800138000","text":"\\x","y":{twice}}}'):
        r.raw(line.encode())
    r.raw(SOMEBODY.encode()[:-1] + b'\xff"')
    r.event(11, "620102", text=f"{SOMEBODY}，{FRAUD}", kind="report", **MEMBERS)  # waits for a person
    r.until("all of them", lambda: r.received() == 17)
    alert = r.alert_in("610113")
    r.until("the groups", lambda: r.lines_of("club") and r.lines_of("room"))

    # What people say with what they do.
    out = []

    def run(*words):
        done = r.run(*words)
        out.append((" ".join(words)[:60], done.stdout + done.stderr))
        return done

    by = ("--by", "王警官", "--reason", REASON)
    assert run("alerts", "confirm", alert, *by).returncode == 0
    assert run("silence", "add", "--matcher", 'area6="610199"', "--for", "2h", *by).returncode == 0
    assert run("drill", "start", "--for", "30m", "--yes", *by).returncode == 0
    assert run("site", "mode", "s1", "screens", *by).returncode == 0
    assert run("site", "mode", "s1", "live", *by).returncode == 0

    # Each list, for people and for programs.
    row = r.cli("deliveries", "list")[0]["id"]
    with open(os.path.join(PACK, "rules.yaml"), encoding="utf-8") as f:
        r.write("rule.yaml", f.read().replace("id: crash_test", "id: crash_test_two"))
    for words in (("status",), ("alerts", "list"), ("alerts", "list", "--review"), ("alerts", "show", alert), ("alerts", "feedback"),
                  ("deliveries", "list"), ("deliveries", "show", row), ("silence", "list"), ("drill", "list"), ("site", "list"), ("report",),
                  ("report", "--csv"), ("report", "--html"), ("rules", "try", r.path("rule.yaml"), "--since", "7d"), ("rules", "list"),
                  ("rules", "explain", f"{FRAUD}。{SOMEBODY}"), ("wards", "list")):
        run(*words)
        if not words[-1].startswith("--") or words[-1] == "--review":
            run(*words, "--json")
    # Pages.
    address = r.cli("wards", "list")["wards"][0]["address"]
    out.append(("screen", page(address)))
    out.append(("screen's events", page(address.replace("?", "/events?"))))
    for path in ("/metrics", "/healthz", "/readyz"):
        out.append((path, page(f"http://127.0.0.1:{r.port}{path}")))
    out += console(r, ["/", "/v1/overview", f"/v1/alert?id={alert}", "/v1/deliveries"])
    for where, text in out:
        assert text and "no such address" not in text, where
    for where in ("alerts list --review", "alerts list --review --json", f"alerts show {alert} --json", f"/v1/alert?id={alert}", "/v1/overview",
                  "rules try", "rules explain", "silence list"):
        assert any("‹name›" in text for w, text in out if w.startswith(where)), f"{where} shows nothing of an event, so it proves nothing"

    # Everything that is kept, whatever is in it.
    assert run("backup", r.path("backup")).returncode == 0
    run("alerts", "cancel", alert, *by)
    r.until("the correction", lambda: any("更正" in json.dumps(m, ensure_ascii=False) for m in r.lines_of("club")))
    r.stop()
    kept = [f for f in glob.glob(r.path("**"), recursive=True) if os.path.isfile(f) and os.path.basename(f) not in ("in.jsonl", "tocsin.yaml")]
    assert any(f.endswith("backup/tocsin.db") for f in kept), kept
    for file in kept:
        with open(file, "rb") as f:
            clean(file, f.read())
    for where, text in out:
        clean(where, text)


def rules(r):
    """What an officer writes from texts that he was sent: they are somebody's."""
    with open(os.path.join(PACK, "rules.yaml"), encoding="utf-8") as f:
        rule = f.read().replace("id: crash_test", "id: crash_test_two")
    r.write("scams.txt", f"{SOMEBODY}，{FRAUD}\n王建国女士，{FRAUD}\n")
    done = subprocess.run([r.tocsin, "rules", "new", "draft", "--from", r.path("scams.txt")], capture_output=True, text=True, env=ENGLISH)
    assert done.returncode == 0 and "‹name›" in done.stdout, done
    assert "/ name" not in done.stderr and "  name" not in done.stderr, f"a token is proposed as a word: {done.stderr}"
    clean("rules new", done.stdout + done.stderr)

    # A sample that fails is shown, not whose it is; and one that is kept for good must be nobody's.
    r.write("rule.yaml", rule.replace("'今天天气好'", f"'王建国女士13800138000，{FRAUD}'"))
    done = r.run("rules", "test", r.path("rule.yaml"))
    assert done.returncode == 1 and "‹name›" in done.stdout, done
    clean("rules test", done.stdout + done.stderr)
    for word, token in (("王建国女士", "‹name›女士"), ("13800138000", "‹tel›")):
        r.write("rule.yaml", rule.replace("'请把钱转账到安全账户'", f"'{word}，请把钱转账到安全账户'"))
        install = ("rules", "install", r.path("rule.yaml"), "--by", "李警官")
        done = r.run(*install)
        assert done.returncode == 1 and "sample 1" in done.stderr and token[:5] in done.stderr, done
        clean("rules install", done.stdout + done.stderr)
    assert r.run("rules", "list", "--json").stdout == "[]\n"
    r.write("rule.yaml", rule.replace("'请把钱转账到安全账户'", "'‹name›女士，请把钱转账到安全账户'"))
    assert r.run(*install).returncode == 0

    # No text of a rule names a person: it would be spoken.
    r.write("rule.yaml", rule.replace("有人打电话让您转账", "有人冒充王建国医生让您转账"))
    done = r.run("rules", "lint", r.path("rule.yaml"))
    assert done.returncode == 1 and "[person]" in done.stdout, done


if __name__ == "__main__":
    main(Somebody, nobody, rules)
