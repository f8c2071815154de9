"""The command line, one file a verb.

Results go to stdout, everything else to stderr. Exit status: 0 done; 1 compared and different; 2 what the
user can mend, a line a fault; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import BitspikeError, MismatchError
from . import check, compare, demo, explain, export, profiles, run, show, train

_VERBS = (profiles, show, check, train, run, compare, explain, export, demo)


def parser() -> argparse.ArgumentParser:
    """Every verb with its options."""
    top = argparse.ArgumentParser(
        prog="bitspike",
        description="Quantized spiking neural networks, simulated exactly as fixed-point hardware computes them.",
    )
    top.add_argument("--version", action="version", version=f"bitspike {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in _VERBS:
        summary = (verb.__doc__ or "").splitlines()[0].removeprefix("`bitspike ").split("`: ", 1)[1]
        one = verbs.add_parser(verb.__name__.rsplit(".", 1)[1], help=summary, description=summary)
        verb.add_arguments(one)
        one.set_defaults(act=verb.act)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; returns the exit status."""
    args = parser().parse_args(arguments)
    try:
        status: int = args.act(args)
        sys.stdout.flush()
        return status
    except MismatchError as error:
        print(error, file=sys.stderr)
        return 1
    except BitspikeError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
