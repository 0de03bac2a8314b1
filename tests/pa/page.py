#!/usr/bin/env python3
"""The operator's page in a real browser: login, what it shows, stop, mute and hold in one tap, by phone and by desk.

usage: page.py --player PROGRAM --source DIR [--shots DIR]
"""
import argparse
import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

from rtp import expect

TOKEN = "correct+horse battery%25"


class Browser:
    """Chromium by its debugging pipe: no port, no library."""

    def __init__(self, program, folder):
        to_child, self.out = os.pipe()
        self.inn, from_child = os.pipe()
        os.set_inheritable(to_child, True)
        os.set_inheritable(from_child, True)

        def place():  # where chromium looks for them
            os.dup2(to_child, 103)
            os.dup2(from_child, 104)
            os.dup2(103, 3)
            os.dup2(104, 4)

        self.child = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder}/chromium",
             "--remote-debugging-pipe", "about:blank"], preexec_fn=place, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, close_fds=False)
        self.number, self.rest, self.session, self.errors = 0, b"", None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Log.enable")

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(json.dumps(answer["params"])[:400])
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"page: {method}: {answer['error']}")
                return answer["result"]

    def read(self):
        while b"\0" not in self.rest:
            more = os.read(self.inn, 1 << 20)
            if not more:
                raise SystemExit("page: the browser is gone")
            self.rest += more
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def eval(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"page: {script}: {json.dumps(result['exceptionDetails'])[:600]}")
        return result["result"].get("value")

    def go(self, url):
        self.call("Page.navigate", url=url)

    def wait(self, what, script, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.eval(script)
            if found:
                return found
            time.sleep(0.05)
        raise SystemExit(f"page: gave up waiting for {what}; errors: {self.errors}")

    def size(self, width, height, mobile):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if mobile else 1, mobile=mobile)

    def shot(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def close(self):
        self.child.terminate()
        self.child.wait(10)


def request(port, method, path, body=None, **headers):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    c.request(method, path, body, headers)
    r = c.getresponse()
    return r.status, r.read().decode(), r.headers


def run(args, folder):
    shots = args.shots or folder
    os.makedirs(shots, exist_ok=True)
    with open(f"{folder}/token", "w") as f:
        f.write(TOKEN + "\n")
    os.chmod(f"{folder}/token", 0o600)
    with open(f"{folder}/pa.yaml", "w", encoding="utf-8") as f:
        f.write(f"""
player: {{site: xjtu-1, name: 交大一附院, state_dir: state, mode: trial}}
broker: {{port: 1}}
http: {{listen: '127.0.0.1:0', token_file: token}}
speech: {{lexicon: [{args.source}/adapters/pa/player/data/lexicon.tsv]}}
reminders: [{{id: valuables, text: 请看管好您的随身物品。}}, {{id: no-smoking, text: 院内禁止吸烟，谢谢配合。}}]
zones:
  - {{id: hall, name: 门诊大厅, class: hall, outputs: [drop], quiet: [none]}}
  - {{id: pharmacy, name: 药房, class: pharmacy, outputs: [drop], quiet: [none]}}
  - {{id: w3, name: 三病区, class: ward, outputs: [drop]}}
  - {{id: icu, name: 重症监护室, class: icu}}
  - {{id: desk, name: 服务台, class: registration, outputs: [horn], quiet: [none]}}
outputs: [{{id: drop, type: file, dir: wav}}, {{id: horn, type: command, run: [sh, -c, 'echo no amplifier >&2; exit 1']}}]
hold: {{file: fire}}
schedule: {{grace: 5s}}
""")
    env = {**os.environ, "TOCSIN_LANG": "zh-CN", "TOCSIN_LOCALEDIR": args.locale}
    player = subprocess.Popen([args.player, "run", "--config", f"{folder}/pa.yaml"], stderr=open(f"{folder}/log", "w"), env=env)
    browser = None

    def cli(*words):
        return subprocess.run([args.player, *words, "--config", f"{folder}/pa.yaml"], capture_output=True, text=True, env=env)

    try:
        end, port = time.monotonic() + 10, 0
        while not port and time.monotonic() < end:
            time.sleep(0.05)
            for line in open(f"{folder}/log", encoding="utf-8"):
                if "page: http://127.0.0.1:" in line:
                    port = int(line.rsplit(":", 1)[1].strip().rstrip("/"))
        expect("the page listens on this machine only", port)
        origin = f"http://127.0.0.1:{port}"

        expect("without the token nothing is told", request(port, "GET", "/v1/status")[0] == 401)
        expect("nor done", request(port, "POST", "/v1/stop", '{"by":"x"}')[0] == 401)
        expect("nor shown", request(port, "GET", "/qr.svg")[0] == 401 and "hall" not in request(port, "GET", "/")[1])
        expect("a wrong token is refused", request(port, "GET", "/login?t=wrong")[0] == 403)
        status, _, headers = request(port, "POST", "/login", urllib.parse.urlencode({"t": TOKEN}))
        cookie = headers["Set-Cookie"]
        expect("the cookie is for this page alone", status == 200 and "HttpOnly" in cookie and "SameSite=Strict" in cookie)
        expect("and holds no token", TOKEN not in cookie)
        session = cookie.split(";")[0]
        expect("another site's request is refused", request(port, "POST", "/v1/stop", '{"by":"x"}', Cookie=session,
                                                             **{"Sec-Fetch-Site": "cross-site"})[0] == 403)
        expect("a person must say a name", request(port, "POST", "/v1/stop", "{}", Cookie=session)[0] == 400)
        long = "门诊一楼警务室a" + "值班民警" * 8  # as long as the page lets it be, and longer than what is noted
        for level in "fire", "off":
            body = json.dumps({"by": long, "level": level})
            expect(f"a long name will do for the hold: {level}", request(port, "POST", "/v1/hold", body, Cookie=session)[0] == 200)
            by = json.loads(cli("status", "--json").stdout).get("hold_by", long)
            expect("and is cut between two characters", long.startswith(by) and len(by) > 15)
        expect("and for a stop", request(port, "POST", "/v1/stop", json.dumps({"by": long}), Cookie=session)[0] == 200)
        for _ in range(8):
            code = request(port, "GET", "/login?t=wrong")[0]
        expect("guessing is slowed down", code == 429)
        expect("the session goes on meanwhile", request(port, "GET", "/v1/status", Cookie=session)[0] == 200)

        tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + (8 + 24) * 3600))  # today's slots may be over
        status, ics, headers = request(port, "GET", f"/v1/programme.ics?day={tomorrow}", Cookie=session)
        expect("the programme is there as a calendar", status == 200 and ics.startswith("BEGIN:VCALENDAR")
               and headers["Content-Type"].startswith("text/calendar") and "UID:slot-" in ics)
        expect("for who is logged in", request(port, "GET", "/v1/programme.ics")[0] == 401)

        browser = Browser(args.chromium, folder)
        browser.size(390, 844, True)
        name, value = session.split("=")
        browser.call("Network.setCookie", name=name, value=value, url=origin, httpOnly=True, sameSite="Strict")
        browser.go(origin + "/")
        browser.wait("the zones", "document.querySelectorAll('.zone').length === 5")
        browser.wait("the programme", "document.querySelectorAll('#programme li').length > 0")
        expect("nothing is wider than the phone", browser.eval("document.documentElement.scrollWidth <= 390"))
        small = browser.eval("[...document.querySelectorAll('button')].filter(b => b.offsetHeight < 44).length")
        expect("every button is big enough for a thumb", small == 0)
        expect("the text is Chinese", "全部停止" in browser.eval("document.body.innerText"))

        tap = "document.querySelector('[data-zone=hall] button.%s').click()"
        browser.eval(tap % "stop")
        expect("a name is asked for first", browser.wait("the hint", "!document.getElementById('say').hidden"))
        browser.eval("document.getElementById('who').value = '保安老李'")
        cli("say", "hall", "防骗提醒。有人发短信，说您的医保卡停用了，让您点链接。这是骗子。", "--by", "test")
        browser.wait("the playing zone", "!!document.querySelector('[data-zone=hall].playing progress')")
        browser.shot(f"{shots}/pa-phone-playing.png")
        browser.eval(tap % "stop")
        browser.wait("silence", "!document.querySelector('[data-zone=hall].playing')")
        rows = json.loads(cli("log", "--json").stdout)
        expect("the stop is in the log with the name", any(r["kind"] == "stop" and "保安老李" in r["detail"] for r in rows))
        browser.eval(tap % "mute")
        browser.wait("the mute", "!!document.querySelector('[data-zone=hall].muted')")
        browser.wait("what was not played", "document.querySelectorAll('#skipped time').length > 0", 20)
        browser.shot(f"{shots}/pa-phone-muted.png")
        browser.eval("document.querySelector('[data-zone=hall] .buttons button:nth-child(2)').click()")
        browser.wait("its end", "!document.querySelector('[data-zone=hall].muted')")
        browser.eval("window.confirm = () => true; document.getElementById('hold').click()")
        browser.wait("the hold", "!document.getElementById('held').hidden")
        expect("every zone is held", json.loads(cli("status", "--json").stdout)["hold"] == "fire")
        browser.size(1280, 900, False)
        browser.shot(f"{shots}/pa-desk-hold.png")
        browser.eval("document.getElementById('hold').click()")
        browser.wait("its end", "document.getElementById('held').hidden")
        # The fire panel's own hold: nobody here can end it, and nothing says that one could.
        open(f"{folder}/fire", "w").close()
        browser.wait("the panel's hold", "document.getElementById('held').textContent.includes('消防')")
        expect("no button seems to end it", browser.eval("getComputedStyle(document.getElementById('hold')).display") == "none")
        refused = cli("hold", "off", "--by", "保安老李")
        expect(f"the command says so ({refused.stderr.strip()})", refused.returncode == 1 and "hold.file" in refused.stderr)
        os.unlink(f"{folder}/fire")
        browser.wait("its end", "document.getElementById('held').hidden")
        # A loudspeaker that does not play is named.
        cli("say", "desk", "请车主挪车。", "--by", "test")
        browser.wait("the fault", "document.getElementById('faults').innerText.includes('horn')")
        expect("with its reason", "no amplifier" in browser.eval("document.getElementById('faults').innerText"))
        cli("mute", "hall", "--for", "1h", "--by", "王护士长", "--reason", "会议")
        browser.wait("who muted it, and why", "document.querySelector('[data-zone=hall]').innerText.match(/王护士长.*：会议/)")
        browser.shot(f"{shots}/pa-desk-fault.png")
        contrast = browser.eval("""(() => {
          const lum = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(x => x / 255).map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
          const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!c.startsWith('rgba(0, 0, 0, 0')) return c; } return 'rgb(255,255,255)'; };
          return Math.min(...[...document.querySelectorAll('h1,h2,h3,span,button,li,div.soft')].filter(e => e.offsetHeight && e.textContent.trim()).map(e => {
            const a = lum(getComputedStyle(e).color), b = lum(back(e)); return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); })); })()""")
        expect(f"every text can be read: contrast at least {contrast:.1f}", contrast >= 4.5)
        expect(f"the browser has nothing to complain about {browser.errors[:2]}", not browser.errors)
        player.terminate()
        player.wait(10)
        browser.wait("the page that has lost its player", "document.getElementById('trouble').textContent === T.lost", 20)
        expect("nothing can be tapped on it", browser.eval("getComputedStyle(document.querySelector('main')).pointerEvents") == "none")
        browser.shot(f"{shots}/pa-desk-lost.png")
    finally:
        if browser:
            browser.close()
        if player.poll() is None:
            player.terminate()
            player.wait(10)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--locale", default="")
    parser.add_argument("--shots")
    args = parser.parse_args()
    args.chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not args.chromium:
        print("skipped: chromium is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="pa_page.", ignore_cleanup_errors=True) as folder:
        run(args, folder)


main()
