#!/usr/bin/env python3
"""The numbers by which a feed counts its events: gaps, and counts that begin anew. usage: sequence.py --tocsin PROGRAM [PART…]"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from relay import main  # noqa: E402
from review import Review  # noqa: E402


def gaps(r):
    sent = 0

    def missing(seq, expected, **more):
        nonlocal sent
        sent += 1
        r.event(sent, "620101", seq=seq, text="今天天气好", **more)
        feed = r.until(f"event {sent}", lambda: next((f for f in r.status()["feeds"] if f["accepted"] + f["rejected"] == sent), None))
        assert feed["missing"] == expected, (seq, feed)

    def lines(word):
        return r.read("log").count(word)

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
    assert lines(" gap: ") == 4 and lines("counted anew") == 3, r.read("log")
    missing(2 ** 53, 1, sent_at=None)
    missing(4, 0)


if __name__ == "__main__":
    main(Review, gaps)
