"""Writes hwconfigs/profile.schema.json, from which editors complete a profile. `--check`: exit 1 if it is stale."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from bitspike.profile.schema import Profile

SCHEMA = Path(__file__).parent.parent / "hwconfigs" / "profile.schema.json"


def schema_text() -> str:
    """The JSON Schema of a profile."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    title = {"title": "bitspike hardware profile"}
    return json.dumps(dialect | Profile.model_json_schema(by_alias=True) | title, indent=2) + "\n"


def main() -> int:
    """Write the schema, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is stale")
    if parser.parse_args().check:
        fresh = SCHEMA.is_file() and SCHEMA.read_text(encoding="utf-8") == schema_text()
        if not fresh:
            print(f"{SCHEMA.name} is stale; run: python tools/make_schema.py", file=sys.stderr)
        return 0 if fresh else 1
    temporary = SCHEMA.with_suffix(".tmp")
    temporary.write_text(schema_text(), encoding="utf-8")
    os.replace(temporary, SCHEMA)
    return 0


if __name__ == "__main__":
    sys.exit(main())
