"""How fast the engine is, against its peers and against the machine: `python tools/benchmark.py engine`.

Every ratio is taken in one run, both sides in turn, and refused where its spread is too wide to mean anything.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import engine, exchange, peers, roofline, scaling, training
from benchmarks.rows import Settings, report

COMMANDS = {
    "engine": engine,
    "peers": peers,
    "scaling": scaling,
    "roofline": roofline,
    "exchange": exchange,
    "training": training,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, and print each row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=str(module.__doc__).splitlines()[0])
        command.add_argument("--json", action="store_true", help="one JSON object a row")
        command.add_argument("--full", action="store_true", help="the whole grid, not the rows with targets alone")
        command.add_argument("--only", metavar="TEXT", default="", help="rows whose name contains TEXT")
        command.add_argument("--steps", type=_count, default=100, help="time steps of a run (%(default)s)")
        command.add_argument("--seconds", type=float, default=3.0, help="to time a row for, if need be longer")
        command.add_argument("--noisy", action="store_true", help="show refused figures, beside the reason")
    given = parser.parse_args(arguments)
    settings = Settings(given.full, given.only, given.steps, given.seconds, given.noisy)
    return report(COMMANDS[given.command].benches(settings), settings, given.json)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {value}; allowed: 1 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
