#!/usr/bin/env python3
"""What a rule writer gives to `tocsin rules` from a Windows computer: files with Notepad's mark, in GBK, empty, that are there
already. Each is read, or named with what to do. usage: writer.py --tocsin PROGRAM"""
import argparse
import json
import os
import re
import subprocess
import tempfile

SCAMS = "您的医保卡要换三代卡，请交工本费，微信转我\n医保三代卡换发，请加微信交工本费\n"
MARK = b"\xef\xbb\xbf"


class Writer:
    def __init__(self, tocsin, folder):
        self.tocsin, self.folder = os.path.abspath(tocsin), folder
        self.environment = {**os.environ, "TOCSIN_LANG": "en", "TOCSIN_CONFIG": self.path("none.yaml")}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content)

    def rules(self, *words, fails=False, given=b""):
        done = subprocess.run([self.tocsin, "rules", *words], cwd=self.folder, env=self.environment, input=given, capture_output=True)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert (done.returncode != 0) == fails, f"{words}: {done.returncode}\n{out}{err}"
        return err if fails else out

    def failed(self, *words):
        """What it says on both streams."""
        done = subprocess.run([self.tocsin, "rules", *words], cwd=self.folder, env=self.environment, capture_output=True)
        assert done.returncode == 1, f"{words}: {done}"
        return done.stdout.decode() + done.stderr.decode()

    def refused(self, *words, says, given=b""):
        said = self.rules(*words, fails=True, given=given)
        for word in says:
            assert word in said, f"{words}: no {word!r} in: {said}"


def texts(w):
    w.write("windows.txt", MARK + SCAMS.replace("\n", "\r\n").encode())
    w.write("plain.txt", SCAMS.encode())
    of_windows, plain = (w.rules("new", "local_x", "--from", name) for name in ("windows.txt", "plain.txt"))
    assert of_windows == plain, of_windows
    w.write("gbk.txt", SCAMS.encode("gb18030"))
    w.write("empty.txt", b"\r\n# nothing\r\n")
    for option in ("--from", "--not"):
        words = ["new", "local_x", option, "gbk.txt"] + (["--from", "plain.txt"] if option == "--not" else [])
        w.refused(*words, says=["gbk.txt:1:", "GBK", "save the file again as UTF-8"])
    w.refused("new", "local_x", "--from", "empty.txt", says=["empty.txt: give 1 to 64 texts", "there are 0"])
    w.refused("new", "local_x", "--from", "plain.txt", "--not", "plain.txt", says=["plain.txt: these texts share no words"])
    assert w.rules("new", "local_x", "--from", "plain.txt", "--not", "empty.txt")


def files(w):
    w.rules("new", "local_x", "--from", "plain.txt", "-o", "rule.yaml")
    w.refused("new", "local_x", "-o", "rule.yaml", says=["rule.yaml: is there already", "another name after -o"])
    for verb in ("new", "page"):
        w.refused(verb, "-o", "many/none/x", says=["many/none/x: its folder is not there: make it"])
        w.refused(verb, "-o", ".", says=[".: is a folder: name a file in it"])
    assert w.rules("new", "local_x", "-o", "-").startswith("# "), "- is standard output"
    w.refused("new", "local_x", "local_y", says=["`local_y` is one word too many", "into quotes"])
    w.refused("try", "one.yaml", "two.yaml", says=["none.yaml", "computer that the relay runs on"])
    w.refused("try", "one.yaml", "two.yaml", "-c", "none.yaml", says=["none.yaml"])
    # What cannot be read is told with what to do, and once; for programs as well.
    for verb in ("lint", "test", "explain"):
        words = [verb, "nowhere.yaml"] if verb != "explain" else [verb, "--packs", "nowhere.yaml", "x"]
        said = w.failed(*words)
        assert said.count("nowhere.yaml") == 1 and "put it there, or correct the path" in said, said
    found = json.loads(w.failed("lint", "nowhere.yaml", "--json"))
    assert found["errors"] == 1 and found["findings"][0]["file"] == "nowhere.yaml", found
    os.mkdir(w.path("no-rules"))
    assert "no rule file (*.yaml) in no-rules" in w.failed("lint", "no-rules")
    assert "`tocsin rules new -o FILE` writes one" in w.failed("lint", "plain.txt")
    # Every gap of the template is named, with its line.
    said = subprocess.run([w.tocsin, "rules", "lint", "rule.yaml"], cwd=w.folder, env=w.environment, capture_output=True, text=True).stdout
    with open(w.path("rule.yaml"), encoding="utf-8") as f:
        rule = f.read().splitlines()
    for name, begins in (("title", "title:"), ("falsepositives", "falsepositives:"), ("references", "references:"), ("voice", "  voice:"),
                         ("samples", "    - '……'")):
        line = next(i for i, text in enumerate(rule, 1) if text.startswith(begins))
        assert f"rule.yaml:{line}: local_x: error: {name}: …… is the template's gap" in said, f"{name}, {line}: {said}"


def explained(w):
    w.refused("explain", "--packs", "rule.yaml", "医保".encode("gb18030"), says=["not UTF-8", "explain - < FILE"])
    w.refused("explain", "--packs", "rule.yaml", "-", given="医保".encode("gb18030"), says=["-:1:", "UTF-8"])
    w.refused("explain", "--packs", "rule.yaml", "您的", "医保卡", says=["`医保卡` is one word too many", "into quotes"])
    # A rule that fails its own samples is looked at all the same: here its writer sees why.
    with open(w.path("rule.yaml"), encoding="utf-8") as f:
        w.write("failing.yaml", f.read().replace("工本费'", "工本费用'", 1).encode())
    assert "its own sample is not found" in w.failed("test", "failing.yaml")
    lacks = w.rules("explain", "--packs", "failing.yaml", SCAMS.splitlines()[0])
    assert "Nearly found by local_x" in lacks and "工本费用" in lacks.split("missing:")[1], lacks
    w.refused("explain", "--packs", "rule.yaml", "", says=["the text is empty", "in quotes"])
    done = subprocess.run([w.tocsin, "rules", "explain", "--packs", "rule.yaml", "plain.txt"], cwd=w.folder, env=w.environment, capture_output=True)
    assert done.returncode == 0 and b"explain - < plain.txt" in done.stderr, done
    w.refused("explain", "--packs", "rule.yaml", "x" * 65537, says=["65537 bytes", "65536"])
    assert "Found by local_x" in w.rules("explain", "--packs", "rule.yaml", "-", given=MARK + SCAMS.splitlines()[0].encode() + b"\r\n")


def evaluated(w):
    line = '{"id":"1","text":"x"}\n'
    assert w.rules("eval", "--packs", "rule.yaml", given=MARK + line.encode()).count("no_match") == 1
    w.refused("eval", "--packs", "rule.yaml", given=SCAMS.encode(), says=["a line is a JSON object", "tocsin rules explain", "add --all"])
    # What came out wrong is written as it comes, however much it is; a folder as input, or texts that say no label, are no "nothing wrong".
    many = 6000
    missed = "".join(f'{{"id":"{n:01000}","text":"x","label":"medical_scam","category":"c"}}\n' for n in range(many)).encode()
    assert w.rules("eval", "--wrong", "--packs", "rule.yaml", given=missed).count("\nmissed\t") == many - 1
    both = w.rules("eval", "--wrong", "--report", "--json", "--packs", "rule.yaml", given=missed).splitlines()
    assert json.loads(both[many - 1])["wrong"] == "missed" and json.loads(both[many])["total"]["medical_scam"] == many
    w.refused("eval", "--wrong", "--packs", "rule.yaml", given=line.encode(), says=["no line carried a \"label\""])
    folder = os.open(w.folder, os.O_RDONLY)
    done = subprocess.run([w.tocsin, "rules", "eval", "--packs", "rule.yaml"], cwd=w.folder, env=w.environment, stdin=folder, capture_output=True)
    os.close(folder)
    assert done.returncode == 1 and b"cannot read the lines" in done.stderr, done
    w.refused("bench", "--packs", "rule.yaml", "--input", "empty.txt", says=["empty.txt: no texts"])


def configured(w):
    # What the configuration names is looked at; one that cannot be read is not passed over for the installed pack.
    os.mkdir(w.path("many"))
    for number in range(40):
        w.write(f"many/{number}.yaml", b"[]\n")
    assert "0 rules" in w.rules("lint", *(f"many/{number}.yaml" for number in range(40)))
    w.refused("test", "-c", "nowhere.yaml", says=["nowhere.yaml", "--packs DIR"])
    w.write("bad.yaml", b"rules: [\n")
    w.refused("test", "-c", "bad.yaml", says=["bad.yaml:2", "--packs DIR"])
    w.refused("lint", *(["-"] * 1025), says=["1025 files", "1024"])
    packs = ", ".join(f"many{number}" for number in range(20))
    for number in range(20):
        os.mkdir(w.path(f"many{number}"))
        w.write(f"many{number}/r.yaml", f"{{id: rule_{number}, rev: 1, title: t, category: cat, level: red, match: {{any: ['医保']}}}}\n".encode())
    w.write("conf.yaml", f"rules: {{packs: [{packs}]}}\n".encode())
    assert "0 samples of 20 rules" in w.rules("test", "-c", "conf.yaml")


def manual(w):
    # The worked examples of rules/README.md, as they stand there: each loads, and finds and passes over what it says.
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules", "README.md")
    with open(source, encoding="utf-8") as f:
        examples = re.findall(r"```yaml\n(.*?)```", f.read(), re.DOTALL)
    assert len(examples) == 3, examples
    for number, example in enumerate(examples):
        head = f"id: manual_{number}\nrev: 1\nstatus: test\ntitle: t\ncategory: relative_emergency\nlevel: yellow\n"
        match = "" if "match:" in example else "match: {any: ['x']}\n"
        w.write("manual.yaml", (head + match + example).encode())
        w.rules("lint", "manual.yaml")
        w.rules("test", "manual.yaml")
    for text in ("您的醫 保已停用，点链接", "医·保账户冻结，请打开链接"):
        w.write("manual.yaml", (head.replace("manual_2", "manual_0") + examples[0]).encode())
        assert "Found by manual_0" in w.rules("explain", "--packs", "manual.yaml", text), text


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tocsin", required=True)
    with tempfile.TemporaryDirectory(prefix="tocsin-writer-") as made:
        writer = Writer(parser.parse_args().tocsin, made)
        for part in (texts, files, explained, evaluated, configured, manual):
            part(writer)
            print("ok", part.__name__)
