"""The README's Python runs as shown, block after block."""

import re
from pathlib import Path

import bitspike as bs

README = Path(__file__).parents[1] / "README.md"


def test_every_block_runs_after_the_ones_before_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    made = {}
    for block in blocks:
        exec(block, made)
    told = capsys.readouterr().out
    assert made["trace"]["core"].spikes.any()
    assert isinstance(made["network"], bs.Network)
    assert list(tmp_path.glob("images/*"))
    assert "range(50, 114)" in told
    assert told.count("equal: ") == 1  # trace and oracle; not the two programs of Loihi
    assert "they part by:" in told
