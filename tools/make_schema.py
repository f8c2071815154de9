"""Writes the JSON Schemas below hwconfigs/, from which editors complete profiles and layouts.

`--check`: exit 1 if one is stale.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from bitspike.exchange.layout.schema import Layout
from bitspike.profile.schema import Profile

FOLDER = Path(__file__).parent.parent / "hwconfigs"
PROFILE, LAYOUT = FOLDER / "profile.schema.json", FOLDER / "layouts" / "layout.schema.json"
SCHEMAS = {PROFILE: (Profile, "bitspike hardware profile"), LAYOUT: (Layout, "bitspike layout of memory images")}


def schema_text(path: Path = PROFILE) -> str:
    """What the schema at a path should say."""
    model, title = SCHEMAS[path]
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | model.model_json_schema(by_alias=True) | {"title": title}, indent=2) + "\n"


def main() -> int:
    """Write the schemas, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    if parser.parse_args().check:
        stale = [p for p in SCHEMAS if not p.is_file() or p.read_text(encoding="utf-8") != schema_text(p)]
        for path in stale:
            print(f"{path.name} is stale; run: python tools/make_schema.py", file=sys.stderr)
        return 1 if stale else 0
    for path in SCHEMAS:
        temporary = path.with_suffix(".tmp")
        temporary.write_text(schema_text(path), encoding="utf-8")
        os.replace(temporary, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
