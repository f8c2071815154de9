"""The command line, one file a verb.

Results go to stdout, everything else to stderr. Exit status: 0 done; 1 compared and different; 2 what the
user can mend, a line a fault; 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from .. import __version__
from ..engine.cache import LOG
from ..errors import BitspikeError, MismatchError
from ..profile import ProfileWarning
from . import (
    check,
    compare,
    demo,
    explain,
    export,
    gradient,
    import_,
    place,
    profiles,
    rtl,
    run,
    show,
    trace,
    train,
    vectors,
    verify,
)
from .common import faults_of, note

_VERBS = (
    *(profiles, show, check, train, gradient, import_, run, compare, explain, trace, vectors, verify),
    *(place, export, rtl, demo),
)


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
        one = verbs.add_parser(verb.__name__.rsplit(".", 1)[1].rstrip("_"), help=summary, description=summary)
        verb.add_arguments(one)
        one.set_defaults(act=verb.act)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; returns the exit status."""
    args = parser().parse_args(arguments)
    tell_of_compiling()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may have no text
    try:
        status = _act(args)
        sys.stdout.flush()
        return status
    except BitspikeError as error:
        for line in faults_of(error):
            note(line)
        return 1 if isinstance(error, MismatchError) else 2
    except KeyboardInterrupt:
        note("interrupted")
        return 130
    except BrokenPipeError:  # the reader of a pipe has enough
        _give_up_stdout()
        return 0
    except OSError as error:  # such as a full disk behind stdout
        note(f"{error.filename or 'output'}: {error.strerror or error}")
        _give_up_stdout()
        return 2
    except MemoryError as error:
        note(f"out of memory; try fewer --samples. {error}".rstrip())
        return 2


def _act(args: argparse.Namespace) -> int:
    """The verb's exit status. A profile's warnings become a line each."""

    def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if issubclass(category, ProfileWarning):
            note(f"warning: {message}")
        else:
            otherwise(message, category, *place, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("always", ProfileWarning)
        otherwise, warnings.showwarning = warnings.showwarning, show
        status: int = args.act(args)
        return status


@cache
def tell_of_compiling() -> None:
    """Have the first compilation of this process said on stderr: it takes seconds, in which nothing else is."""
    LOG.addHandler(_Once())
    LOG.setLevel(logging.INFO)


class _Once(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        LOG.removeHandler(self)
        LOG.setLevel(logging.NOTSET)
        note(record.getMessage())


def _give_up_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not fail on it at its end."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
