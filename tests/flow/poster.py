"""tocsin poster, looked at with poppler: one A4 page, fonts in it, words that can be read out of it, and no link."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import yaml

CONFIG = """
relay: {{id: yanta-1, state_dir: {dir}/state, issuer: 雁塔公安}}
broker: {{host: 127.0.0.1}}
rules: {{packs: [{pack}]}}
sites:
  - {{id: xjtu-1, name: 交大一附院, area: '610113', help: 门诊一楼警务室}}
  - {{id: xjtu-2, name: 交大二附院, area: '610102'}}
route: {{receiver: quiet}}
receivers: [{{name: quiet, pa: [bulletin]}}]
"""


def out(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--tocsin", required=True)
    p.add_argument("--pack", required=True)
    a = p.parse_args()
    work = tempfile.TemporaryDirectory()
    d = pathlib.Path(work.name)
    (d / "tocsin.yaml").write_text(CONFIG.format(dir=d, pack=a.pack))
    (d / "tocsin.yaml").chmod(0o600)

    def poster(rule, *more, expect=0):
        r = subprocess.run([a.tocsin, "poster", rule, "-o", d / "a4.pdf", *more], capture_output=True, text=True,
                           env={"TOCSIN_CONFIG": str(d / "tocsin.yaml"), "TOCSIN_LANG": "en", "LC_ALL": "C.UTF-8"})
        assert r.returncode == expect, (rule, r.returncode, r.stderr)
        return r.stderr

    poster("medins_card_suspended", "--site", "xjtu-1")
    info = out("pdfinfo", d / "a4.pdf")
    assert "Pages:           1\n" in info and "(A4)" in info, info
    fonts = out("pdffonts", d / "a4.pdf").splitlines()[2:]
    assert fonts, "no font at all"
    for line in fonts:  # … type, encoding, then: embedded, subset, unicode
        assert line.split()[-5:-2] == ["yes", "yes", "yes"], line
    text = out("pdftotext", "-layout", d / "a4.pdf", "-")
    flat = "".join(text.split())
    rules = [r for f in sorted(pathlib.Path(a.pack).glob("medins_*.yaml")) for r in yaml.safe_load(f.read_text())]
    rule = next(r for r in rules if r["id"] == "medins_card_suspended")
    for wanted in (rule["say"]["rhyme"], rule["say"]["screen"]["headline"], "别点短信里的链接", "别填密码", "别转账", "96110", "门诊一楼警务室", "交大一附院", "雁塔公安"):
        assert "".join(wanted.split()) in flat, (wanted, text)
    assert "http" not in flat

    # Without a help point there is the general one; rules from all over the pack fit on their page.
    poster("medins_card_suspended", "--site", "xjtu-2")
    assert "导诊台或保安" in out("pdftotext", d / "a4.pdf", "-")
    for r in rules[::5]:
        poster(r["id"])
        assert "Pages:           1\n" in out("pdfinfo", d / "a4.pdf"), r["id"]

    assert "there is no rule" in poster("nobody", expect=1)
    assert "there is no site" in poster("medins_card_suspended", "--site", "nowhere", expect=1)
    assert "Usage" in poster("medins_card_suspended", "one too many", expect=2)
    print(f"{len(rules[::5])} posters")


sys.exit(main())
