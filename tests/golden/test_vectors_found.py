"""No vectors are passed over: neither ours nor, silently, those of another folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from vectors import OTHER, OWN, chips, files


def test_the_folder_holds_vectors_of_known_chips_only():
    assert chips(OTHER or OWN), f"found no CHIP/*.npz in {OTHER}; allowed: a folder a chip, as in {OWN / 'README.md'}"
    assert set(chips(OTHER or OWN)) <= set(chips(OWN))


def test_every_folder_of_vectors_is_described_and_run():
    readme = (OWN / "README.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(OWN).glob("test_*.py"))
    for chip in chips(OWN):
        assert f"`{chip}`" in readme
        assert f'"{chip}"' in tests


def test_a_folder_of_one_file_is_enough(tmp_path):
    (tmp_path / "ranc").mkdir()
    shutil.copy(files("ranc", folder=OWN)[0], tmp_path / "ranc" / "any_name.npz")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(OWN)]
    found = subprocess.run(
        command, env=os.environ | {"BITSPIKE_GOLDEN": str(tmp_path)}, cwd=OWN.parents[1], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout
    assert "any_name" in found.stdout
