"""The sign of packaging/doc/devices.md against a real relay and mosquitto: it shows, acknowledges, corrects, and clears by its
own clock; and the pictures of warnings that chats get. The script is taken out of the page, so that the page stays true.
usage: devices.py --tocsin PROGRAM --standin PROGRAM --doc devices.md"""
import argparse
import json
import os
import re
import sqlite3
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from rig import Failed, ZONE, Rig, require, stamp, wait_for  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def png_of(data):
    """(width, height, bits, colour type) of a PNG."""
    require(data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND", "not a whole PNG")
    return struct.unpack(">IIBB", data[16:26])


class Sign:
    """The script, with a panel that keeps every picture it was given."""

    def __init__(self, r, doc, token, **env):
        with open(doc, encoding="utf-8") as f:
            script = re.search(r"^```sh\n(.*?)^```", f.read(), re.S | re.M).group(1)
        self.folder = r.path("panel")
        os.makedirs(self.folder)
        for name, text in (("sign.sh", script), ("show", f'#!/bin/sh\nn=$(ls {self.folder} | wc -l)\ncp "$1" {self.folder}/.new && mv {self.folder}/.new {self.folder}/$(printf %03d $n).png\n')):
            with open(r.path(name), "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(r.path(name), 0o755)
        self.child = subprocess.Popen(["sh", r.path("sign.sh")], stderr=subprocess.DEVNULL,
                                      env=dict(os.environ, RELAY=f"http://127.0.0.1:{r.http_port}", SITE="s1", WARD="w1", TOKEN=token,
                                               SHOW=r.path("show"), PORT=str(r.broker_port), EVERY="1", TURN="1", **env))
        r.children.append(self.child)

    def shown(self):
        pictures = []
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".png"):
                with open(os.path.join(self.folder, name), "rb") as f:
                    pictures.append(f.read())
        return pictures


def fetch(r, path, **headers):
    """(status, headers, bytes)"""
    q = urllib.request.Request(f"http://127.0.0.1:{r.http_port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(q, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def picture(r, token, more, **headers):
    """As a device asks: again when the relay is drawing for others."""
    def drawn():
        answer = fetch(r, f"/displays/s1/w1.png?t={token}{more}", **headers)
        return answer[0] != 503 and answer
    return r.until("a picture", 5, drawn)


def main():
    p = argparse.ArgumentParser()
    for name in ("--tocsin", "--standin", "--doc"):
        p.add_argument(name, required=True)
    a = p.parse_args()
    with Rig("devices", a.tocsin, a.standin, os.path.join(HERE, "..", "crash", "pack")) as r:
        r.broker_start()
        r.standin_start()
        r.listen()
        site = r.site(wards=[{"id": "w1", "name": "一病区"}], reminders=["探视时间 15:00 至 17:00"])
        r.configure(sites=[site], chats=[r.wecom_chat("group", card="image")],
                    receivers=[{"name": "everyone", "pa": [], "displays": "all", "chats": "all"}])
        r.relay_start()
        address = r.ask("wards", "list")["wards"][0]["address"]
        token = address.partition("t=")[2]

        # Nothing in force: the house's own reminder, and the neutral picture, which are two.
        status, headers, idle = picture(r, token, "&w=296&h=128")
        require(status == 200 and png_of(idle) == (296, 128, 1, 3) and headers["X-Items"] == "0", f"{status} {headers}")
        neutral = picture(r, token, "&w=296&h=128&palette=bwr&blank=1")[2]
        require(neutral != picture(r, token, "&w=296&h=128&palette=bwr")[2], "the neutral picture is a reminder")
        require(fetch(r, "/displays/s1/w1.png?t=wrong&w=296&h=128")[0] == 403, "a wrong token")
        require(fetch(r, f"/displays/s1/w2.png?t={token}&w=296&h=128")[0] == 403, "another ward's token")
        for wrong in ("", "&w=10&h=10", "&w=296&h=128&palette=cmyk", "&w=a&h=b", "&w=296&h=99999"):
            status, _, body = picture(r, token, wrong)
            require(status == 400 and json.loads(body)["error"], f"{wrong}: {status} {body}")

        sign = Sign(r, a.doc, token, W="296", H="128", PALETTE="bwr")
        r.until("the reminder on the sign", 10, lambda: len(sign.shown()) >= 1)

        def on_the_sign():
            _, its, body = picture(r, token, "&w=296&h=128&palette=bwr")
            return its["X-Items"] == "1" and sign.shown()[-1] == body

        # Without the relay it shows nothing after its end, by its own clock. The relay has to be gone before: what is too short a
        # life for that on this machine is followed by a longer one.
        for life, area in ((7, "610114"), (40, "610115")):
            end = datetime.now(ZONE) + timedelta(seconds=life)
            event, = r.publish(1, area=area, expires_at=stamp(end))
            r.until_accepted()
            told = {"alert": r.accepted[event], "target": "wecom:group", "state": "sent"}  # or it would hear of it once more
            r.until("the short warning", life, lambda: datetime.now(ZONE) > end or (on_the_sign() and r.deliveries(**told)))
            r.relay_kill()
            if datetime.now(ZONE) < end - timedelta(seconds=1):
                break
            r.relay_start()
        else:
            raise Failed(f"a warning needs more than {life} s to reach the sign")
        wait_for("the neutral picture", life + 12, lambda: sign.shown()[-1] == neutral)
        # Whole seconds of the relay's and of the device's clock: either may be one short.
        require(datetime.now(ZONE) > end - timedelta(seconds=2), "it was cleared before its end")
        r.relay_start()

        before = len(r.lines_of("chat"))
        r.publish(1, area="610113")
        r.until_accepted()
        r.until("the warning on the sign", 10, on_the_sign)
        require(png_of(sign.shown()[-1])[:3] == (296, 128, 2), "the panel's size and palette")
        alert = list(r.accepted.values())[-1]
        r.until("the relay to hear of it", 10, lambda: r.deliveries(alert=alert, target="board:s1/w1", state="displayed"))

        # The same picture again costs nothing; each palette has its own.
        status, headers, warning = picture(r, token, "&w=296&h=128&palette=bwr")
        require(warning == sign.shown()[-1] and headers["X-Items"] == "1", "the sign shows what the address gives")
        require(0 < int(headers["X-Valid-Seconds"]) <= 72 * 3600 and int(headers["X-Board-Rev"]) > 0, str(headers))
        again = picture(r, token, "&w=296&h=128&palette=bwr", **{"If-None-Match": headers["ETag"]})
        require(again[0] == 304 and again[2] == b"", str(again))
        for palette, bits, kind in (("bw", 1, 3), ("gray", 8, 0), ("rgb", 8, 3)):
            require(png_of(picture(r, token, f"&w=400&h=300&palette={palette}")[2]) == (400, 300, bits, kind), palette)

        # The group has it as text and as a picture whose digest the service has checked.
        r.until("the picture in the group", 10, lambda: len(r.lines_of("chat")) >= before + 2)
        said = r.lines_of("chat")
        require([m["msgtype"] for m in said[before:]] == ["text", "image"] and not any(m["errcode"] for m in said), str(said))
        key = os.listdir(os.path.join(r.state, "cards"))[-1]
        status, headers, card = fetch(r, f"/cards/{key}")
        require(status == 200 and headers["Content-Type"] == "image/png" and png_of(card)[:2] == (1200, 800), f"{status}")
        for wrong in ("/cards/" + "0" * 32 + ".png", "/cards/../tocsin.db", "/cards/", "/cards/x.png"):
            require(fetch(r, wrong)[0] in (400, 403, 404), wrong)

        # A correction takes the warning's place.
        r.ask("alerts", "cancel", alert, "--by", "王队", "--reason", "核实有误")
        r.until("the correction on the sign", 10, lambda: on_the_sign() and sign.shown()[-1] != warning)
        db = sqlite3.connect(f"file:{os.path.join(r.state, 'tocsin.db')}?mode=ro", uri=True)
        voices = [json.loads(body).get("voice") for (body,) in db.execute("SELECT body FROM rendering ORDER BY id DESC LIMIT 2")]
        db.close()
        require("更正。之前的提醒有误。" in voices, f"it may be heard tomorrow: {voices}")

        print("devices: shown, acknowledged, corrected")


sys.exit(main())
