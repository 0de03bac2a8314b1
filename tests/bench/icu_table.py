"""Our table of code points as input of ICU's gennorm2, so that bench_normalise can give ICU's normaliser the same work.

    icu_table.py NORMALISE_TABLE.C > tocsin.txt

Reads the generated table by the rules of relay/base/normalise_table.h. Combining classes and canonical pairs are Python's
own; of characters that its Unicode does not know yet, ICU composes nothing.
"""

import re
import sys
import unicodedata

DROPPED, EXPANDS = 5, 7

source = open(sys.argv[1], encoding="utf-8").read()


def numbers(name):
    start = source.index("{", source.index(name))
    return [int(x, 0) for x in re.findall(r"0x[0-9a-f]+|\d+", source[start : source.index("};", start)])]


low, bmp, index, block, pool = (numbers(n) for n in ("nt_low[", "nt_bmp[", "nt_index[", "nt_block[", "nt_pool["))


def entry(cp):
    if cp < 0x800:
        return low[cp]
    if cp < 0x10000:
        utf8 = cp >> 12 | (cp >> 6 & 63) << 8 | (cp & 63) << 16
        return bmp[(utf8 * 0x01000401 & 0xFFFFFFFF) >> 16]
    return block[index[(cp - 0x10000) >> 6] * 64 + (cp & 63)]


def target(cp):
    e = entry(cp)
    kind, bits = e >> 26 & 15, e & 0xFFFFFF
    if kind == DROPPED:
        return []
    if kind == EXPANDS:
        return pool[bits + 1 : bits + 1 + pool[bits]]
    if cp >= 0x10000:
        return [cp ^ bits]
    utf8 = bytes(b ^ bits >> 8 * i & 255 for i, b in enumerate(chr(cp).encode()))
    return [ord(utf8[: e >> 30].decode())]


def stays(cp):
    return target(cp) == [cp]


for cp in range(1, 0x110000):
    if 0xD800 <= cp <= 0xDFFF:
        continue
    if not stays(cp):
        print("%04X>%s" % (cp, " ".join("%04X" % c for c in target(cp))))
        continue
    if unicodedata.combining(chr(cp)):
        print("%04X:%d" % (cp, unicodedata.combining(chr(cp))))
    parts = unicodedata.decomposition(chr(cp)).split()
    if len(parts) == 2 and parts[0][0] != "<" and unicodedata.normalize("NFC", chr(cp)) == chr(cp):
        if all(stays(int(p, 16)) for p in parts):
            print("%04X=%s %s" % (cp, *parts))
