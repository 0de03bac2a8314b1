"""One red alert to 4,499 chats of one service and to 5,000 ward screens: how long until the last has it and every outcome is
committed. Beside it, in the same run: a bare libcurl loop that posts the same body and keeps nothing, wrk, and Debian's
Prometheus Alertmanager with a webhook a chat. Once with answers after 20 ms, once with answers at once, once over TLS."""
import json

import fan
from rig import bench, cpu_seconds, median, wait_for

CHATS, WARDS = 4499, 5000


def ours(rig, args, server, wards, tls=None):
    """One event; when the last post, the last screen, the last commit was."""
    relay = fan.Relay(rig, args, server.url, CHATS, wards, tls)
    publisher = fan.Publisher(rig)
    server.reset()
    begun = publisher.event(1)
    committed = relay.until_sent()
    result = {"posts": (server.stats()["last_us"] - begun) / 1e6, "first": (server.stats()["first_us"] - begun) / 1e6}
    if wards:
        seen = json.loads(relay.screens.stdout.readline())
        result["screens"] = (seen["last_us"] - begun) / 1e6
    result["committed"] = (committed - begun) / 1e6
    result["cpu"] = cpu_seconds(relay.child.pid) - relay.cpu
    result["rss"] = fan.rss_mib(relay.child.pid, "VmHWM")
    rig.end(publisher.child)
    relay.close()
    return result


def alertmanager(folder, server):
    if not fan.Alertmanager.program():
        return None
    other = fan.Alertmanager(folder, server, CHATS)
    server.reset()
    begun = other.alert()
    wait_for("Alertmanager's posts", 120, lambda: server.stats()["answered"] >= CHATS, 0.05)
    result = {"posts": (server.stats()["last_us"] - begun) / 1e6, "rss": fan.rss_mib(other.child.pid, "VmHWM")}
    other.close()
    return result


def case(rig, args, folder, name, delay, pair=None):
    ca = pair[0] if pair else None
    server = fan.Server(args.server, delay, pair)
    rows = []
    try:
        fan.bare(args, server, "{}", 500, fan.IN_FLIGHT, ca)  # the service is warm for everybody
        bare, alone, both = [], [], []
        body = None
        for _ in range(args.rounds):
            alone.append(ours(rig, args, server, 0, pair))
            body = body or fan.get(server.port, "/body", server.tls)
            bare.append(fan.bare(args, server, body, CHATS, fan.IN_FLIGHT, ca))
            both.append(ours(rig, args, server, WARDS, pair))
        reference = median([b["seconds"] for b in bare])
        mine = median([a["committed"] for a in alone])
        ratio = median([b["seconds"] / a["committed"] for a, b in zip(alone, bare)])
        rows.append({"case": f"{name}: chats, all committed, against bare libcurl", "ours": round(CHATS / mine), "reference": round(CHATS / reference),
                     "ratio": round(ratio, 2), "aim": 0.7, "unit": "requests/s", "ours_cpu_us": round(median([a["cpu"] for a in alone]) / CHATS * 1e6, 1),
                     "reference_cpu_us": median([b["cpu_us"] for b in bare]), "rss_mib": round(max(a["rss"] for a in alone))})
        fastest = fan.wrk(folder, server, body, 3, fan.IN_FLIGHT) if not pair else None
        if fastest:
            rows.append({"case": f"{name}: chats, all committed, against wrk", "ours": round(CHATS / mine), "reference": round(fastest),
                         "ratio": round(CHATS / mine / fastest, 2), "unit": "requests/s"})
        for what, title in (("posts", "last chat"), ("screens", "last screen"), ("committed", "all committed")):
            value = median([b[what] for b in both])
            rows.append({"case": f"{name}: chats and screens, {title}", "ours": round(value, 3), "reference": 1, "ratio": round(value, 2),
                         "unit": "s", "rss_mib": round(max(b["rss"] for b in both))})
        other = alertmanager(folder, server) if not pair else None
        if other:
            mine = median([a["posts"] for a in alone])
            rows.append({"case": f"{name}: last chat, against Alertmanager", "ours": round(mine, 3), "reference": round(other["posts"], 3),
                         "ratio": round(other["posts"] / mine, 2), "aim": 2, "unit": "s", "reference_rss_mib": round(other["rss"])})
    finally:
        server.close()
    return [{"bench": "fanout", **r} for r in rows]


CASES = {"20 ms": (20, False), "0 ms": (0, False), "TLS": (0, True)}  # the service's delay, whether it speaks TLS


def main():
    fan.many_files()
    rows = []
    with bench(__doc__, fan.PROGRAMS, tuple(CASES), rounds=3) as (args, rig):
        for name in args.case or CASES:
            delay, tls = CASES[name]
            rows += case(rig, args, rig.folder, name, delay, fan.certificate(rig.folder) if tls else None)
    if args.json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    print(f"fanout: one alert to {CHATS} chats and {WARDS} screens ({args.rounds} rounds)")
    print(f"{'':58}{'ours':>9}{'reference':>11}{'ratio':>7}  unit")
    for r in rows:
        more = "".join(f"  {k}={r[k]}" for k in ("ours_cpu_us", "reference_cpu_us", "rss_mib", "reference_rss_mib") if k in r)
        print(f"{r['case']:58}{r['ours']:>9}{r['reference']:>11}{r['ratio']:>7}  {r['unit']}{more}")


if __name__ == "__main__":
    main()
