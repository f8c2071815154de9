"""Where the golden vectors are: beside this file, or in the folder that BITSPIKE_GOLDEN names, a folder a chip."""

import os
from pathlib import Path

import numpy as np
import pytest

OTHER = os.environ.get("BITSPIKE_GOLDEN")


def files(chip, pattern="*.npz"):
    """The vector files of a chip. Another folder may leave chips out, ours may not."""
    return sorted((Path(OTHER or Path(__file__).parent) / chip).glob(pattern))


def check_found(chip, *patterns):
    """Fail where vectors are missing that should be there; skip where another folder leaves the chip out."""
    if OTHER and not (Path(OTHER) / chip).exists():
        pytest.skip(f"BITSPIKE_GOLDEN has no folder '{chip}'")
    missing = [pattern for pattern in patterns if not files(chip, pattern)]
    assert len(missing) < len(patterns) if OTHER else not missing, f"no {', '.join(missing)} for {chip}"


def load(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
