#!/usr/bin/env python3
"""Each schema of packaging/schema is valid itself, and takes and refuses what <name>.json beside this file says.

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


def main():
    here = pathlib.Path(__file__).resolve().parent
    schemas = sorted((here.parents[2] / "packaging" / "schema").glob("*.schema.json"))
    failures = [] if len(schemas) >= 9 else [f"only {len(schemas)} schemas"]
    for path in schemas:
        name = path.name.removesuffix(".schema.json")
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        undescribed = [key for key, value in schema["properties"].items() if not value.get("description")]
        if undescribed or not schema.get("description") or not schema.get("title"):
            failures.append(f"{name}: no description: {undescribed}")
        validator = jsonschema.Draft202012Validator(schema)
        samples = json.loads((here / f"{name}.json").read_text(encoding="utf-8"))
        for i, payload in enumerate(samples["accept"]):
            for error in validator.iter_errors(payload):
                failures.append(f"{name}: accept {i}: {error.message}")
        for sample in samples["reject"]:
            found = {place for error in validator.iter_errors(sample["payload"]) for place in places(error)}
            if sample["at"] not in found:
                failures.append(f"{name}: {sample['why']}: at fault are {sorted(found)}")
        if not samples["accept"] or not samples["reject"]:
            failures.append(f"{name}: needs samples of both kinds")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


sys.exit(main())
