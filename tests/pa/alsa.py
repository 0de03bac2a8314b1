#!/usr/bin/env python3
"""A sound card, or what ALSA takes for one: its `file` plugin writes down what it was given, so that no card is needed.

usage: alsa.py --player PROGRAM --source DIR
"""
import argparse
import glob
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rtp import Player, envelope, expect, likeness  # noqa: E402

TEXT = "防骗提醒。电话是骗子打的，不要转账。"


def run(args, folder):
    os.mkfifo(f"{folder}/stuck")
    with open(f"{folder}/asoundrc", "w") as f:
        f.write(f"""pcm.card {{ type file; slave.pcm {{ type null }}; file "{folder}/card.wav"; format "wav" }}
pcm.nothing {{ type null }}
pcm.beside {{ type null }}
pcm.shared {{ type null }}
pcm.stuck {{ type file; slave.pcm {{ type null }}; file "{folder}/stuck"; format "wav" }}
""")
    os.environ["ALSA_CONFIG_PATH"] = f"{folder}/asoundrc"
    zones = {"card": ["card", "drop"], "none": ["none"], "stopped": ["stopped"], "beside": ["gone", "stuck", "nothing"],
             "first": ["shared"], "second": ["shared"]}
    player = Player(args, folder, [f"  - {{id: {z}, class: hall, quiet: [none], outputs: [{', '.join(o)}]}}" for z, o in zones.items()],
                    ["  - {id: card, type: alsa, device: card}", "  - {id: none, type: alsa, device: nosuch}", "  - {id: gone, type: alsa, device: gone}",
                     "  - {id: stopped, type: alsa, device: nothing, latency: 50ms}", "  - {id: nothing, type: alsa, device: beside}", "  - {id: shared, type: alsa, device: shared}",
                     "  - {id: stuck, type: alsa, device: stuck}", "  - {id: drop, type: file, dir: drop}"], "schedule: {grace: 6s}\n")

    try:
        expect("six zones speak", player.cli("say", "all", TEXT, "--by", "test")[0] == 0)
        player.until("stopped", "playing")
        began = time.monotonic()
        player.cli("stop", "stopped", "--by", "test")
        player.until("stopped", "skipped")
        expect(f"a stop is done after {1000 * (time.monotonic() - began):.0f} ms", time.monotonic() - began < 0.6)
        start, end = player.until("card", "playing"), player.until("card", "played")
        seconds = end["length_ms"] / 1000
        took = time.monotonic() - began
        expect(f"a card that takes everything at once is waited for ({seconds:.1f} s of sound)", took > seconds - 1.5 and start["state"] == "playing")
        like = likeness(envelope(glob.glob(f"{folder}/drop/*.wav")[0]), envelope(f"{folder}/card.wav"))
        expect(f"the card got what was sent ({like:.4f})", like > 0.999)
        detail = player.until("none", "failed").get("detail", "")
        expect(f"a card that is not there is tried again, then has failed ({detail})",
               len(player.rows("none", "playing")) >= 2 and "No such file" in detail)
        detail = player.until("beside", "played").get("detail", "")
        expect(f"a card that is stuck and one that is gone beside one that plays ({detail})", "gone: " in detail and "stuck: " in detail)
        over, began = sorted([player.until("first", "played")["at"], player.until("second", "played")["at"]])[0], sorted(
            [player.until("first", "playing")["at"], player.until("second", "playing")["at"]])[1]
        expect(f"zones with one card take turns ({over[11:23]}, {began[11:23]})", over <= began)
    finally:
        player.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", required=True)
    parser.add_argument("--source", required=True)
    args = parser.parse_args()
    if not shutil.which("espeak-ng"):
        print("skipped: espeak-ng is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="pa_alsa.") as folder:
        run(args, folder)


main()
