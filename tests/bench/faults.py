"""One chat in a hundred never answers and one is slow: what the others notice of it. The same alert to the same 4,499 chats of
one service, with and without faults, taking turns; compared is when the other chats' messages arrive."""
import json

import fan
from rig import bench, median, wait_for

CHATS, ONE_IN, SLOW_MS = 4499, 100, 3000


def arrivals(rig, args, server):
    """Milliseconds from the event to each healthy chat's message, sorted."""
    relay = fan.Relay(rig, args, server.url, CHATS, 0)
    publisher = fan.Publisher(rig)
    server.reset()
    begun = publisher.event(1)
    wait_for("the posts", 60, lambda: server.stats()["requests"] >= CHATS, 0.05)
    took = sorted((us - begun) / 1000 for n, us in server.times().items() if n % ONE_IN > 1)
    rig.end(publisher.child)
    relay.kill()  # it would wait for nobody, and the next one begins anew
    return took


def main():
    fan.many_files()
    with bench(__doc__, fan.PROGRAMS, rounds=5) as (args, rig):
        well = fan.Server(args.server, 20)
        ill = fan.Server(args.server, 20, None, "--dead-every", str(ONE_IN), "--slow-every", str(ONE_IN), "--slow-ms", str(SLOW_MS))
        try:
            arrivals(rig, args, well)  # everything is warm
            runs = [(arrivals(rig, args, ill), arrivals(rig, args, well)) for _ in range(args.rounds)]
        finally:
            well.close()
            ill.close()
    rows = []
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        values = [tuple(run[int(len(run) * part)] for run in pair) for pair in runs]
        mine, reference = median([v[0] for v in values]), median([v[1] for v in values])
        rows.append({"bench": "faults", "case": f"arrival at the {len(runs[0][0])} healthy chats, {name}", "ours": round(mine), "reference": round(reference),
                     "ratio": round(median([v[0] / v[1] for v in values]), 2), "aim": 1.1, "unit": "ms"})
    if args.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(f"faults: one chat in {ONE_IN} never answers, one takes {SLOW_MS / 1000:.0f} s ({args.rounds} rounds)")
    print(f"{'':50}{'with':>8}{'without':>9}{'ratio':>7}  (aim {rows[0]['aim']})")
    for r in rows:
        print(f"{r['case']:50}{r['ours']:>5} ms{r['reference']:>6} ms{r['ratio']:>7}")


if __name__ == "__main__":
    main()
