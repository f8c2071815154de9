"""Two processes under torchrun train what one does with batches of twice the samples."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import bitspike as bs
import numpy as np
import pytest
from command_line import bitspike, recipe
from data_files import mnist

dist = pytest.importorskip("torch.distributed")

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "bitspike"]
AUGMENT = "augment: {move_rows: 1, move_columns: 2, hide_rows: 3, hide_columns: 0}"


def log_of(path):
    with open(path, encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.skipif(not dist.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_equal_one_with_twice_the_batch(capsys, tmp_path):
    """Of 33 samples the last is a batch of its own, in which one process has none."""
    mnist(tmp_path, train=42, test=20)
    edits = ("data: digits", "data: mnist"), ("epochs: 1", f"epochs: 3\nvalidation: 9\n{AUGMENT}")
    for name, batch in (("two", 8), ("one", 16)):
        recipe(tmp_path / f"{name}.yaml", *edits, ("batch: 300", f"batch: {batch}"))
    names = {name: [str(tmp_path / f"{name}{end}") for end in (".yaml", ".npz", ".csv")] for name in ("one", "two")}
    options = {
        name: ["train", file, "-o", net, "--csv", log, "--data-dir", str(tmp_path), "--json"]
        for name, (file, net, log) in names.items()
    }
    two = subprocess.run([*TORCHRUN, *options["two"]], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert two.returncode == 0, two.stderr
    one = bitspike(capsys, *options["one"])
    assert one.status == 0
    results = [json.loads(text) for text in (one.out, two.stdout)]  # printed once, by the first process
    assert results[0]["epochs"] == results[1]["epochs"] == 3
    for alone, together in zip(*(log_of(names[name][2]) for name in ("one", "two")), strict=True):
        assert together == pytest.approx(alone, rel=1e-5)
    weights = [
        np.concatenate([np.ravel(p.weights) for p in bs.load_network(names[name][1]).projections]).astype(int)
        for name in ("one", "two")
    ]
    assert np.ptp(weights[0]) > 50
    assert np.abs(weights[0] - weights[1]).max() <= 1  # sums of another order, rounded otherwise now and then
    assert np.mean(weights[0] != weights[1]) < 0.01
