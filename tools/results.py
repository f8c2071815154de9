"""The results table: `python tools/results.py --data-dir DIR` trains what is missing and writes models/RESULTS.md.

Stop it and start it again as you like: finished trainings stay in models/RESULTS.jsonl and are not repeated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bitspike.archive import write_text
from bitspike.errors import BitspikeError
from experiments.ledger import Ledger
from experiments.plan import TASKS
from experiments.runs import carry_out
from experiments.table import page

MODELS = Path(__file__).resolve().parent.parent / "models"


def main(arguments: list[str] | None = None) -> int:
    """Search, then the final seeds of every task asked for; the page is written anew after each training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [task.name for task in TASKS]
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"some of {', '.join(names)} (default: all)")
    parser.add_argument("--data-dir", type=Path, help="where mnist.npz and fsdd_mel.npz are")
    parser.add_argument("--ledger", type=Path, default=MODELS / "RESULTS.jsonl", help="(default models/RESULTS.jsonl)")
    parser.add_argument("--page", type=Path, default=MODELS / "RESULTS.md", help="(default models/RESULTS.md)")
    parser.add_argument("--page-only", action="store_true", help="train nothing, write the page")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.tasks if name not in names]
    if unknown:
        parser.error(f"task: found {unknown[0]!r}; allowed: {', '.join(names)}")
    try:
        ledger = Ledger(given.ledger)
        wanted = [task for task in TASKS if not given.tasks or task.name in given.tasks]
        for task in [] if given.page_only else wanted:
            for run in carry_out(task, ledger, given.data_dir):
                print(run, flush=True)
                write_text(given.page, page(ledger))
        write_text(given.page, page(ledger))
    except (BitspikeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
