"""The main job on one machine: a private broker, a stand-in for the WeCom service, the relay and the PA scheduler; a morning's
events of a bank, a carrier and a ward; and what became of each. Started by packaging/demo."""
import argparse
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import wave
from datetime import datetime, timedelta, timezone

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(HERE)
FEEDS = [("sn-cmcc", "carrier", "陕西移动"), ("xa-bank", "bank", "某行西安分行"), ("ward-3", "desk", "三病区")]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def now():
    return datetime.now(timezone(timedelta(hours=8)))


def wait_for(what, seconds, test):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"demo: {what}：等了 {seconds} 秒没有等到")


def alaw(byte):
    """One sample of G.711 A-law."""
    byte ^= 0x55
    size, step = (byte & 0x0f) << 4, (byte & 0x70) >> 4
    size = size + 8 if step == 0 else (size + 0x108) << (step - 1)
    return size if byte & 0x80 else -size


class Loudspeaker(threading.Thread):
    """What an IP loudspeaker does: joins the multicast group and keeps what comes, here in a WAV."""

    SAMPLES = [struct.pack("<h", alaw(b)) for b in range(256)]

    def __init__(self, group, port, path):
        super().__init__(daemon=True)
        self.path, self.seconds = path, 0.0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((group, port))
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                               struct.pack("=4s4s", socket.inet_aton(group), socket.inet_aton("127.0.0.1")))

    def run(self):
        with wave.open(self.path, "wb") as out:
            out.setparams((1, 2, 8000, 0, "NONE", ""))
            while True:
                packet = self.socket.recv(2048)
                if len(packet) < 12 or packet[0] >> 6 != 2 or packet[1] & 0x7f != 8:
                    continue
                if packet[1] & 0x80 and self.seconds:  # a new item: a rest between two
                    out.writeframes(bytes(8000))
                sound = packet[12 + 4 * (packet[0] & 15):]
                out.writeframes(b"".join(self.SAMPLES[b] for b in sound))
                self.seconds += len(sound) / 8000


class Demo:
    def __init__(self, build, folder):
        self.build, self.folder = os.path.abspath(build), folder
        self.broker_port, self.web_port, self.http_port = free_port(), free_port(), free_port()
        self.children = []
        self.groups = {zone: (f"239.255.{os.getpid() % 250}.{i}", free_port()) for i, zone in enumerate(("hall", "emergency"), 1)}
        self.tocsin = os.path.join(self.build, "relay", "tocsin")
        self.player = os.path.join(self.build, "adapters", "pa", "player", "tocsin-pa")
        self.standin = os.path.join(self.build, "tests", "support", "wecom_standin")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def start(self, argv, log):
        child = subprocess.Popen(argv, stdout=open(self.path(log), "a"), stderr=subprocess.STDOUT, start_new_session=True)
        self.children.append(child)
        return child

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), 0o600)

    def configure(self):
        self.write("mosquitto.conf", f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\n"
                                     "max_queued_messages 100000\nmax_packet_size 1048576\nsys_interval 5\n")
        hook = f"http://127.0.0.1:{self.web_port}/cgi-bin/webhook/send?key="
        feeds = "\n".join(f"  - {{id: {i}, type: {t}, name: {n}, areas: ['6101']}}" for i, t, n in FEEDS)
        self.write("tocsin.yaml", f"""
relay: {{id: demo, state_dir: state, issuer: 雁塔公安, help: 门诊一楼警务室}}
broker: {{host: 127.0.0.1, port: {self.broker_port}}}
http: {{listen: ['127.0.0.1:{self.http_port}'], public_address: 'http://127.0.0.1:{self.http_port}'}}
rules: {{packs: [{SOURCE}/rules/packs/medical]}}
feeds:
{feeds}
sites:
  - {{id: xjtu-1, name: 交大一附院, area: '610113', issuer: 雁塔公安·交大一附院, help: 门诊一楼警务室,
     zones: [{{id: hall, name: 门诊大厅, class: hall}}, {{id: emergency, name: 急诊, class: emergency}}, {{id: icu, name: 重症监护, class: icu}}],
     wards: [{{id: w3, name: 三病区}}, {{id: w5, name: 五病区}}]}}
chats:
  - {{id: duty1, name: 值班群, type: wecom, audience: duty, quiet: [], pace: {{red_possible: at_once, orange: at_once, yellow: at_once, a_day: 0, a_rule: 0}},
     url: '{hook}duty', allow_insecure: true}}
  - {{id: redgoose, name: 红雁志愿者群, type: wecom, audience: volunteer, quiet: [], pace: {{red_possible: at_once, orange: at_once, yellow: at_once, a_day: 0, a_rule: 0}},
     url: '{hook}redgoose', allow_insecure: true}}
route:
  receiver: quiet
  group_by: [category, area4]
  group_interval: 0s
  routes:
    - {{matchers: ['level="red"', 'certainty=~"Likely|Observed"'], receiver: everyone}}
receivers:
  - {{name: everyone, pa: [announce, bulletin], displays: all, chats: all}}
  - {{name: quiet, pa: [bulletin], displays: all, chats: [duty]}}
""")
        outputs = "\n".join(f"  - {{id: {zone}-rtp, type: rtp, address: {group}, port: {port}, interface: 127.0.0.1, ttl: 1}}"
                            for zone, (group, port) in self.groups.items())
        # Differs from a hospital: no quiet hours, so that it works at any time of day, and a robot's voice in live mode.
        self.write("pa.yaml", f"""
player: {{site: xjtu-1, state_dir: pa-state, mode: trial}}
broker: {{port: {self.broker_port}}}
speech: {{lexicon: [{SOURCE}/adapters/pa/player/data/lexicon.tsv]}}
reminders: [{{id: valuables, text: 请看管好您的随身物品，贵重物品不要离身。}}]
zones:
  - {{id: hall, name: 门诊大厅, class: hall, quiet: [none], outputs: [drop, hall-rtp]}}
  - {{id: emergency, name: 急诊, class: emergency, quiet: [none], seconds_an_hour: 90, outputs: [drop, emergency-rtp]}}
  - {{id: icu, name: 重症监护, class: icu}}
outputs:
  - {{id: drop, type: file, dir: wav}}
{outputs}
""")
        os.makedirs(self.path("wav"), exist_ok=True)

    def run_all(self):
        self.start(["mosquitto", "-c", self.path("mosquitto.conf")], "mosquitto.log")
        self.start([self.standin, "--port", str(self.web_port), "--journal", self.path("wecom.jsonl")], "wecom.log")
        for port in (self.broker_port, self.web_port):
            wait_for("代理和群机器人替身启动", 10, lambda p=port: socket.socket().connect_ex(("127.0.0.1", p)) == 0)
        self.loudspeakers = {zone: Loudspeaker(*group, self.path(f"multicast-{zone}.wav")) for zone, group in self.groups.items()}
        for loudspeaker in self.loudspeakers.values():
            loudspeaker.start()
        self.start([self.player, "run", "--config", self.path("pa.yaml"), "--fast-hour"], "tocsin-pa.log")
        self.start([self.tocsin, "run", "--config", self.path("tocsin.yaml")], "tocsin.log")
        wait_for("中继就绪", 15, self.ready)

    def ready(self):
        for child in self.children:
            if child.poll() is not None:
                raise SystemExit(f"demo: {' '.join(child.args[:2])} 没有起来，见 {self.folder} 中的日志")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=1) as answer:
                return json.load(answer)["ready"]
        except OSError:
            return False

    def ask(self, *words):
        done = subprocess.run([self.tocsin, *words, "--json", "-c", self.path("tocsin.yaml")], capture_output=True, text=True)
        if done.returncode != 0 and not done.stdout:
            raise SystemExit(f"demo: tocsin {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def player_log(self):
        done = subprocess.run([self.player, "log", "--json", "--config", self.path("pa.yaml")], capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else []

    def slot(self):
        """The first hourly slot that was played: (its zone, its minute, seconds, names of what it said)."""
        rows = self.player_log()
        for r in reversed(rows):
            if r["kind"] == "slot" and r["state"] == "played":
                said = next((x["detail"] for x in rows if x["id"] == r["id"] and x["state"] == "playing"), "") or ""
                return r["zone"], r["id"].partition("T")[2], r["length_ms"] / 1000, said.split()
        return None

    def wards(self):
        """The addresses of the ward screens."""
        found = self.ask("wards", "list")
        return found["wards"] if isinstance(found, dict) else found

    def watch_boards(self):
        """A ward's device without a browser: takes the retained board, and says that it shows it."""
        mqtt = ["-h", "127.0.0.1", "-p", str(self.broker_port), "-V", "5", "-q", "1"]
        ear = subprocess.Popen(["mosquitto_sub", *mqtt, "-t", "tocsin/v1/displays/+/+/board", "-F", "%t %p"],
                               stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.children.append(ear)

        def run():
            for line in ear.stdout:
                topic, _, payload = line.partition(" ")
                board = json.loads(payload) if payload.strip() else {}
                if board.get("items"):
                    ack = json.dumps({"rev": board["rev"], "state": "displayed", "at": now().isoformat()})
                    subprocess.run(["mosquitto_pub", *mqtt, "-t", topic.replace("/board", "/ack"), "-m", ack], check=False)
        threading.Thread(target=run, daemon=True).start()

    def push(self, feed, name):
        """One feed's morning, with the times of now, through the carrier's own command."""
        lines = []
        with open(os.path.join(HERE, "demo-events", name + ".jsonl"), encoding="utf-8") as f:
            for line in f:
                line = line.rstrip("\n")
                if line == "{duplicate}":
                    lines.append(lines[1])
                else:
                    lines.append(line.replace("{now}", now().isoformat(timespec="milliseconds")))
        path = self.path(feed + ".jsonl")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        done = subprocess.run([self.tocsin, "feed", "push", "--feed", feed, "--port", str(self.broker_port), "--spool",
                               self.path("spool"), "--timeout", "30s", path], capture_output=True, text=True)
        return len(lines), done

    def finished(self):
        """True when every delivery has its last word, or only waits for an hour or a person."""
        rows = self.ask("deliveries", "list", "--limit", "1000")
        waiting = {"queued", "sending", "retry"}
        return rows if rows and not any(r["state"] in waiting for r in rows) else None


def ms(row, member):
    if not row.get(member):
        return None
    return int((datetime.fromisoformat(row[member]) - datetime.fromisoformat(row["created"])).total_seconds() * 1000)


def wide(text, width):
    shown = sum(2 if ord(c) > 0x2e80 else 1 for c in text)
    return text + " " * max(1, width - shown)


def show_alerts(demo):
    print("\n哪些事件成了哪条提醒")
    for alert in reversed(demo.ask("alerts", "list")):
        story = demo.ask("alerts", "show", alert["id"])
        print(f"  {alert['id']}  {wide(alert['level'] + ' ' + alert['certainty'], 16)}{alert['title']}")
        for event in story["events"]:
            print(f"      {wide(event['feed'], 10)}{wide(event['event_id'], 12)}{event['rules'].split()[0]}")
    review = demo.ask("alerts", "list", "--review")
    if review:
        print("  还没到条数、或者未经核实，等人看的：" + "、".join(f"{r['feed']}/{r['event_id']}" for r in reversed(review)))


def show_deliveries(rows):
    print("\n每个目标回了什么，用了多久")
    for row in reversed(rows):
        sent, ended = ms(row, "sent"), ms(row, "ended")
        words = f"{sent} ms 送出" if sent is not None else ""
        if row["state"] in ("played", "displayed", "acknowledged"):
            words += f"，{ended} ms {'播完' if row['state'] == 'played' else '显示'}"
        print(f"  {row['short']}  {wide(row['target'], 20)}{wide(row['state'], 12)}{wide(words, 30)}{row['reason']}")


def show_chats(demo):
    print("\n群里收到的（替身按企业微信的规矩回答）")
    with open(demo.path("wecom.log"), encoding="utf-8") as f:
        text = f.read().strip()
    print("\n".join("  " + line for line in text.splitlines()[:40]))


def confirmed(rows):
    kinds = {"广播": ("pa:", "played"), "群": ("wecom:", "sent"), "屏幕": ("board:", "displayed")}
    result = {}
    for name, (prefix, state) in kinds.items():
        result[name] = any(r["target"].startswith(prefix) and r["state"] == state for r in rows)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--once", action="store_true", help="end when everything has its answer")
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin"
    folder = tempfile.mkdtemp(prefix="tocsin-demo-")
    demo = Demo(args.build, folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    code = 1
    try:
        demo.configure()
        demo.run_all()
        print("警钟演示：一台机器上的代理、企业微信替身、中继 tocsin 和院内广播 tocsin-pa，都只监听 127.0.0.1")
        print("与医院设置不同：不分时段（任何时间都能演示），机器语音，整点被改成马上到来")
        print("病区屏（用浏览器打开）：")
        for ward in demo.wards():
            print(f"  {ward['name']}  {ward['address']}")
        demo.watch_boards()
        time.sleep(0.5)
        started = time.monotonic()
        for (feed, _, name), file in zip(FEEDS, ("carrier", "bank", "ward")):
            n, done = demo.push(feed, file)
            print(f"\n{name}（{feed}）推送 {n} 条：tocsin feed push 退出码 {done.returncode}")
            print("\n".join("  " + line for line in (done.stdout + done.stderr).strip().splitlines()[-8:]))
        print(f"\n三路事件推送完毕，用时 {time.monotonic() - started:.1f} 秒；等广播播完（真的按时长播，约一分钟）……", flush=True)
        rows = wait_for("广播、群、屏幕都给出回答", 180, lambda: (lambda r: r if r and all(confirmed(r).values()) else None)(demo.finished()))
        show_alerts(demo)
        show_deliveries(rows)
        show_chats(demo)
        zone, minute, seconds, said = wait_for("整点节目播完", 90, demo.slot)
        wavs = sorted(w for w in os.listdir(demo.path("wav")) if w.endswith(".wav"))
        print(f"\n整点节目（每分钟算一个整点）：{minute} 在 {zone} 播了 {seconds:.0f} 秒，{len(said)} 条："
              + "、".join("院内提示 " + s if "/" not in s else "预警 " + s.partition("/")[0] for s in said))
        print(f"  放进文件夹的：{demo.path('wav')}，{len(wavs)} 个 WAV")
        for name, loudspeaker in demo.loudspeakers.items():
            print(f"  组播音柱 {name} 收到的：{loudspeaker.path}，{loudspeaker.seconds:.0f} 秒{'' if args.once else '（可以直接放来听）'}")
        print("结论：" + "，".join(f"{name}{'已确认' if ok else '没有确认'}" for name, ok in confirmed(rows).items()))
        code = 0 if all(confirmed(rows).values()) else 1
        if not args.once:
            print(f"\n演示继续运行，病区屏可以一直看，值班群消息末尾的反馈链接可以点开。所有文件在 {folder}。按 Ctrl-C 结束。")
            print(f"控制台（另开一个终端，再打开它给的地址）：\n  {demo.tocsin} console --by 您的姓名 -c {demo.path('tocsin.yaml')}", flush=True)
            while True:
                time.sleep(1)
    except KeyboardInterrupt:
        print("\n演示结束")
        code = 0
    finally:
        demo.stop()
        if args.once and code == 0:
            shutil.rmtree(folder, ignore_errors=True)
        elif code:
            print(f"日志留在 {folder}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
