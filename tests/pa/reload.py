#!/usr/bin/env python3
"""The control socket while the configuration is read anew: whoever asks is answered, and no reload is forgotten.

usage: reload.py --player PROGRAM --source DIR
"""
import argparse
import os
import signal
import socket
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../support"]
from rig import wait_for  # noqa: E402
from rtp import Player, expect  # noqa: E402

TIMES, QUESTIONS = 40, 100  # at least


def ask(path, pause):
    """The first line of the answer; with a pause in the middle of the question."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(b"GET /v1/status HTTP/1.1\r\n")
        time.sleep(pause)
        s.sendall(b"Host: x\r\nConnection: close\r\n\r\n")
        return s.makefile("rb").readline().decode().strip()


def run(args, folder):
    player = Player(args, folder, ["  - {id: hall, class: hall, outputs: [drop]}"], ["  - {id: drop, type: file, dir: drop}"])
    answers, over = [], threading.Event()

    def knock(pause):
        while not over.is_set():
            try:
                answers.append(ask(f"{folder}/state/control.sock", pause))
            except OSError as e:
                answers.append(str(e))

    with open(f"{folder}/pa.yaml", encoding="utf-8") as f:
        text = f.read()

    def reload(old, new):
        with open(f"{folder}/pa.new", "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
        os.rename(f"{folder}/pa.new", f"{folder}/pa.yaml")
        player.child.send_signal(signal.SIGHUP)

    try:
        clients = [threading.Thread(target=knock, args=(pause,), daemon=True) for pause in (0, 0, 0.02)]
        for c in clients:
            c.start()
        n = 0
        while n < TIMES or len(answers) < QUESTIONS:
            n += 1
            reload("class: hall", f"class: hall, name: hall {n}")
            time.sleep(0.001 * (n % 20))  # some while the player before is still going, or the next one coming
        wait_for("the last configuration", 10, lambda: f'"hall {n}"' in player.cli("status", "--json")[1])
        over.set()
        for c in clients:
            c.join()
        bad = [a for a in answers if a != "HTTP/1.1 200 OK"]
        expect(f"{len(answers)} questions during {n} reloads are all answered {bad[:3]}", not bad)

        os.unlink(f"{folder}/state/control.sock")
        player.child.send_signal(signal.SIGHUP)
        wait_for("a socket that somebody removed", 10, lambda: player.cli("status")[0] == 0)
        reload("state_dir: state,", "state_dir: elsewhere,")
        wait_for("the socket at its new place", 10, lambda: player.cli("status")[0] == 0)
        expect("the old place is left", not os.path.exists(f"{folder}/state/control.sock"))
    finally:
        player.stop()
    expect("it ends well, and leaves no socket", player.child.returncode == 0 and not os.path.exists(f"{folder}/elsewhere/control.sock"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--player", required=True)
    parser.add_argument("--source", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pa_reload.") as folder:
        run(args, folder)


main()
