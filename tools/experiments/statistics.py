"""What a handful of seeds says: mean, deviation, and the paired difference of two ways to train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Paired:
    """The mean difference a - b over equal seeds, its Student-t interval, the two-sided p-value of no difference."""

    mean: float
    low: float
    high: float
    p: float
    pairs: int


def spread(values: list[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; the deviation of a single value is 0."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def paired(a: dict[int, float], b: dict[int, float]) -> Paired | None:
    """Values by seed; seeds that only one side has are left out. None with fewer than two pairs."""
    seeds = sorted(a.keys() & b.keys())
    if len(seeds) < 2:
        return None
    differences = np.array([a[seed] - b[seed] for seed in seeds])
    mean, error = differences.mean(), stats.sem(differences)
    if error == 0:
        return Paired(mean, mean, mean, float(mean == 0), len(seeds))
    reach = error * stats.t.ppf((1 + CONFIDENCE) / 2, len(seeds) - 1)
    p = 2 * stats.t.sf(abs(mean / error), len(seeds) - 1)
    return Paired(float(mean), float(mean - reach), float(mean + reach), float(p), len(seeds))
