#!/usr/bin/env python3
"""Each schema of packaging/doc/schema is valid itself, and takes and refuses what <name>.json beside this file says.

    check.py              that
    check.py --lines N    standard input has at least N lines NAME<TAB>PAYLOAD, and each is as its schema says

A refused sample names the place that must be at fault ("at", a path such as results/0/status, "" for the whole), so that it
is not refused for another reason.
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)


def places(error):
    """Where an error lies, and where those lie that made its alternatives fail."""
    yield "/".join(str(part) for part in error.absolute_path)
    for inner in error.context:
        yield from places(inner)


HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = HERE.parents[2] / "packaging" / "doc" / "schema"


def validator(name):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_lines(at_least):
    failures = []
    lines = sys.stdin.read().splitlines()
    for line in lines:
        name, payload = line.split("\t", 1)
        for error in validator(name).iter_errors(json.loads(payload)):
            failures.append(f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message}: {payload[:200]}")
    if len(lines) < at_least:
        failures.append(f"{len(lines)} lines, {at_least} are wanted")
    return failures


def check_samples(name):
    failures = []
    checked = validator(name)
    undescribed = [key for key, value in checked.schema["properties"].items() if not value.get("description")]
    if undescribed or not checked.schema.get("description") or not checked.schema.get("title"):
        failures.append(f"{name}: no description: {undescribed}")
    samples = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    for i, payload in enumerate(samples["accept"]):
        for error in checked.iter_errors(payload):
            failures.append(f"{name}: accept {i}: {error.message}")
    for sample in samples["reject"]:
        found = {place for error in checked.iter_errors(sample["payload"]) for place in places(error)}
        if sample["at"] not in found:
            failures.append(f"{name}: {sample['why']}: at fault are {sorted(found)}")
    if not samples["accept"] or not samples["reject"]:
        failures.append(f"{name}: needs samples of both kinds")
    return failures


def main():
    if sys.argv[1:2] == ["--lines"]:
        failures = check_lines(int(sys.argv[2]))
    else:
        names = sorted(path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json"))
        failures = [] if len(names) >= 9 else [f"only {len(names)} schemas"]
        for name in names:
            failures += check_samples(name)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


sys.exit(main())
