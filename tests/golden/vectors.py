"""Where the golden vectors are: beside this file, or in the folder that BITSPIKE_GOLDEN names, a folder a chip."""

import os
from pathlib import Path

import numpy as np
import pytest

OWN = Path(__file__).parent
OTHER = os.environ.get("BITSPIKE_GOLDEN")


def chips(folder):
    """The names of the folders that hold vectors."""
    return sorted({path.parent.name for path in Path(folder).glob("*/*.npz")})


def files(chip, pattern="*.npz", folder=OTHER or OWN):
    """The vector files of a chip. Another folder may leave chips and kinds out, and names its files as it likes."""
    return sorted((Path(folder) / chip).glob(pattern))


def check_found(chip, *patterns):
    """Fail where vectors are missing that should be there; skip where another folder leaves them out."""
    missing = [pattern for pattern in patterns if not files(chip, pattern)]
    if OTHER and missing:
        pytest.skip(f"BITSPIKE_GOLDEN has no {chip}/{' or '.join(missing)}")
    assert not missing, f"no {', '.join(missing)} for {chip}"


def load(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)
