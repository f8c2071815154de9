"""No vectors are passed over: neither ours nor, silently, those of another folder."""

from pathlib import Path

from vectors import OTHER, OWN, chips


def test_the_folder_holds_vectors_of_known_chips_only():
    assert chips(OTHER or OWN), f"found no CHIP/*.npz in {OTHER}; allowed: a folder a chip, as in {OWN / 'README.md'}"
    assert set(chips(OTHER or OWN)) <= set(chips(OWN))


def test_every_folder_of_vectors_is_described_and_run():
    readme = (OWN / "README.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(OWN).glob("test_*.py"))
    for chip in chips(OWN):
        assert f"`{chip}`" in readme
        assert f'"{chip}"' in tests
