#!/usr/bin/env python3
"""The numbers by which a feed counts its events: gaps, and counts that begin anew. usage: sequence.py --tocsin PROGRAM [PART…]"""
import os
import sys
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import main  # noqa: E402
from review import Review  # noqa: E402
from rig import stamp  # noqa: E402


class Numbered(Review):
    sent = 0

    def feed(self):
        return self.status()["feeds"][0]

    def missing(self, seq, expected, **more):
        self.sent += 1
        self.event(self.sent, "620101", seq=seq, text="今天天气好", **more)
        feed = self.until(f"event {self.sent}", lambda: next((f for f in self.status()["feeds"] if f["accepted"] + f["rejected"] == self.sent), None))
        assert feed["missing"] == expected, (seq, feed)

    def said(self, word):
        return self.read("log").count(word)


def gaps(r):
    missing, lines = r.missing, r.said
    missing(5000, 0)
    missing(5002, 1)
    missing(5001, 0)
    missing(5003, 0, sent_at=None)  # refused: it has come all the same
    missing(5004, 0)
    missing(5006, 1, kind="?")
    missing(5005, 0)
    missing(5003, 0)  # mended
    assert lines(" gap: ") == 2 and lines("counted anew") == 0, r.read("log")
    missing(0, 0)  # the feed counts from the beginning
    missing(2, 1)
    missing(1, 0)
    assert lines(" gap: ") == 3 and lines("counted anew") == 1, r.read("log")
    missing(2 ** 53, 0)  # a wrong number is said, and does not hide what comes
    missing(3, 0)
    missing(5, 1)
    assert lines(" gap: ") == 4 and lines("counted anew") == 2, r.read("log")
    missing(2 ** 53, 1, sent_at=None)
    missing(4, 0)


def again(r):
    """A feed that begins anew a few numbers back, and one that only sends an old event late."""
    for seq in range(20):
        r.missing(seq, 0)
    r.missing(3, 0, sent_at=stamp(r.moment() - timedelta(minutes=1)))
    r.missing(20, 0)
    assert r.said("counted anew") == 0, r.read("log")
    r.missing(10, 0)
    assert r.said("numbers go on at 10 after 20: counted anew") == 1, r.read("log")
    r.missing(12, 1)
    r.missing(11, 0)
    assert r.said("the missing numbers have come") == 1 and r.said("error") == 2, r.read("log")


def disorder(r):
    """A feed whose events overtake one another all the time: what is missing is always right, the log is not full of it."""
    r.event(0, "620101", seq=0, text="今天天气好")
    for seq in range(1, 100, 2):
        r.event(seq + 1, "620101", seq=seq + 1, text="今天天气好")
        r.event(seq, "620101", seq=seq, text="今天天气好")
    r.until("the events", lambda: r.feed()["accepted"] == 101)
    assert r.feed()["missing"] == 0 and r.said(" gap: ") <= 30, r.read("log")
    assert r.said(" gap: ") >= 10 and r.said("counted anew") == 0, r.read("log")


def kept(r):
    """What was counted outlives a reload, the numbers also a restart; and a feed that stays the same is not even opened again."""
    counts = ("missing", "accepted", "duplicate", "rejected", "unknown_members")

    def reload(*changes):
        was, opened = r.feed(), r.said("feed=f1 connected")
        r.configure(*changes)
        now = r.feed()
        assert [now[c] for c in counts] == [was[c] for c in counts] == [2, 2, 1, 1, 3], (was, now)
        return r.said("feed=f1 connected") - opened

    r.missing(7, 0, x=1, y=2)
    r.missing(10, 2, z=3)
    r.missing(11, 2, kind="?")
    line = r.read("in.jsonl").splitlines()[0]
    r.write("in.jsonl", r.read("in.jsonl") + line + "\n")
    r.pass_time(seconds=1)
    r.until("the duplicate", lambda: r.feed()["duplicate"] == 1)
    assert reload() == 0
    assert reload(("areas: ['61', '62', '63'", "areas: ['62', '61', '63'")) == 0
    assert reload((f"path: {r.path('in.jsonl')}", f"path: {r.path('other.jsonl')}")) == 0, "there is no such file"
    r.event(9, "620101", into="other.jsonl", seq=9, text="今天天气好")
    r.until("one that was missing", lambda: r.feed()["missing"] == 1)
    r.configure(restart=True)
    r.until("the number that the store has kept", lambda: (r.feed()["missing"], r.feed()["duplicate"]) == (1, 1))
    r.event(8, "620101", into="other.jsonl", seq=8, text="今天天气好")
    r.until("the last", lambda: r.feed()["missing"] == 0)
    assert r.said("counted anew") == 0, r.read("log")


if __name__ == "__main__":
    main(Numbered, gaps, again, disorder, kept)
