#!/usr/bin/env python3
"""The control socket and the page while the configuration is read anew: whoever asks is answered, and no reload is forgotten.

usage: reload.py --player PROGRAM --source DIR
"""
import argparse
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, f"{HERE}/../support"]
from rig import answers as listens, free_port, wait_for  # noqa: E402
from rtp import Player, expect  # noqa: E402

TIMES, QUESTIONS = 200, 100  # at least; the questions of each client
GOOD = "HTTP/1.1 200 OK"


def ask(address, path, cookie="", pause=0, tls=None):
    """The first line of the answer and its cookie; with a pause in the middle of the question."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as plain:
        plain.settimeout(10)
        plain.connect(address)
        with tls.wrap_socket(plain) if tls else plain as s:
            s.sendall(f"GET {path} HTTP/1.1\r\n".encode())
            time.sleep(pause)
            s.sendall(f"Host: x\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
            lines = s.makefile("rb").read().decode().splitlines() or ["nothing"]
    return lines[0], next((line.split(": ")[1].split(";")[0] for line in lines if line.startswith("Set-Cookie: ")), "")


def write(path, text):
    """Another file in the place of the one before, for nobody else's eyes."""
    with open(f"{path}.new", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(f"{path}.new", 0o600)
    os.rename(f"{path}.new", path)


def certify(folder):
    for name in ("cert", "key"):
        if os.path.exists(f"{folder}/{name}"):
            os.unlink(f"{folder}/{name}")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=page", "-keyout", f"{folder}/key", "-out", f"{folder}/cert"], check=True, stderr=subprocess.DEVNULL)
    with open(f"{folder}/cert", encoding="ascii") as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def shown_certificate(port, tls):
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as plain, tls.wrap_socket(plain) as s:
            return s.getpeercert(True)
    except OSError:  # not https, or between two certificates
        return None


def run(args, folder):
    port, another = free_port(), free_port()
    page = f"listen: '127.0.0.1:{port}', token_file: token"
    write(f"{folder}/token", "twelve-characters\n")
    player = Player(args, folder, ["  - {id: hall, class: hall, outputs: [drop]}"], ["  - {id: drop, type: file, dir: drop}"],
                    f"http: {{{page}}}\n")
    over = threading.Event()

    with open(f"{folder}/pa.yaml", encoding="utf-8") as f:
        text = f.read().replace("lexicon.tsv]", "lexicon.tsv, words]")
    write(f"{folder}/words", "银行\tyin2 hang2\n")

    def reload(old, new):
        write(f"{folder}/pa.yaml", text.replace(old, new))
        player.child.send_signal(signal.SIGHUP)

    class Client(threading.Thread):
        def __init__(self, address, cookie, pause):
            super().__init__(daemon=True)
            self.question, self.answers = (address, "/v1/status", cookie, pause), []

        def run(self):
            while not over.is_set():
                try:
                    self.answers.append(ask(*self.question)[0])
                except OSError as e:
                    self.answers.append(str(e))

    try:
        door, cookie = ("127.0.0.1", port), ask(("127.0.0.1", port), "/login?t=twelve-characters")[1]
        clients = [Client(address, cookie, pause) for address in (f"{folder}/state/control.sock", door) for pause in (0, 0.02)]
        for c in clients:
            c.start()
        n = 0
        while n < TIMES or min(len(c.answers) for c in clients) < QUESTIONS:
            n += 1
            reload("class: hall", f"class: hall, name: hall {n}")
            time.sleep(0.001 * (n % 20))  # some while the player before is still going, or the next one coming
        wait_for("the last configuration", 10, lambda: f'"hall {n}"' in player.cli("status", "--json")[1])
        over.set()
        for c in clients:
            c.join()
        for where, some in ("socket", clients[:2]), ("page", clients[2:]):
            answers = [a for c in some for a in c.answers]
            bad = [a for a in answers if a != GOOD]
            expect(f"{len(answers)} questions at the {where} during {n} reloads are all answered {bad[:3]}", not bad)

        write(f"{folder}/token", "another-token\n")
        player.child.send_signal(signal.SIGHUP)
        wait_for("the end of who logged in by a token that is no more", 10, lambda: " 401 " in ask(door, "/v1/status", cookie)[0])
        expect("the new token opens the page", ask(door, "/login?t=another-token")[0] == GOOD)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        good = f"{page}, cert: cert, key: key"
        for what in "https", "a renewed certificate":
            new = certify(folder)
            reload(page, good)
            wait_for(what, 10, lambda: shown_certificate(port, tls) == new)
        expect("the page is there by https", ask(door, "/login", tls=tls)[0] == GOOD)
        for what, name, rubbish in ("a token that is too short", "token", "short\n"), ("another key", "key", "none\n"), \
                ("a word without its reading", "words", "银行\n"):
            with open(f"{folder}/{name}", encoding="utf-8") as f:
                right = f.read()
            write(f"{folder}/{name}", rubbish)
            reload(page, good)
            log = f"{folder}/player.log"
            wait_for(f"the refusal of {what}", 10, lambda: re.search(f"error reload: .*{name}", open(log, encoding="utf-8").read()))
            expect(f"{what} changes nothing", player.child.poll() is None and ask(door, "/login", tls=tls)[0] == GOOD
                   and player.cli("check")[0] == 1)
            write(f"{folder}/{name}", right)
        reload(page, page.replace(str(port), str(another)))
        wait_for("the page at its new address", 10, lambda: listens(another))
        expect("the old address is left", not listens(port))
        reload(page, "")
        wait_for("the end of the page", 10, lambda: not listens(another))

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
