"""What computes but is hardly meant is warned about, and is no fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitspike.profile import ProfileWarning, check_profile, load_profile

GOOD = (Path(__file__).parent.parent / "hwconfigs" / "generic-w8-v16.yaml").read_text(encoding="utf-8")
WHEN = '[membrane, ">=", threshold]'
WHERE = "neurons.neuron.step[3].fire.branches[0].when"
HOLDS = "membrane holds -32768 to 32767"


@pytest.mark.parametrize(
    ("old", "new", "warnings"),
    [
        (WHEN, '[membrane, ">=", 32767]', []),
        (WHEN, '[membrane, ">=", 32768]', [f"26:21: {WHERE}: is never true: {HOLDS}"]),
        (WHEN, '[32768, "<=", membrane]', [f"26:21: {WHERE}: is never true: {HOLDS}"]),
        (WHEN, '[membrane, "<", 32768]', [f"26:21: {WHERE}: is always true: {HOLDS}"]),
        (WHEN, '[membrane, ">=", accumulator]', []),
        ("threshold: u15", "threshold: s16", []),
        (
            "threshold: u15",
            "threshold: s17",
            [
                f"26:21: {WHERE}: is always true for a threshold below -32768: {HOLDS}",
                f"26:21: {WHERE}: is never true for a threshold above 32767: {HOLDS}",
            ],
        ),
        ("threshold: u15", "threshold: u16", [f"26:21: {WHERE}: is never true for a threshold above 32767: {HOLDS}"]),
        (
            "membrane: s16.saturate",
            "membrane: s16.saturate\n      trace: s8.wrap",
            ["17:7: neurons.neuron.registers.trace: nothing reads it"],
        ),
        ("leak: u4", "leak: u4\n      bias: s8", ["20:7: neurons.neuron.parameters.bias: nothing reads it"]),
        ("parameters: {}", "parameters: {k: u4}", ["42:18: connections.forward.parameters.k: nothing reads it"]),
    ],
)
def test_a_doubt_is_a_warning(tmp_path: Path, old: str, new: str, warnings: list[str]) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    found = [warning.removeprefix(f"{file}:") for warning in check_profile(file)[1]]
    unread = "18:7: neurons.neuron.parameters.threshold: nothing reads it"
    assert [warning for warning in found if warning != unread] == warnings


def test_a_class_that_no_connection_reaches_is_a_warning(tmp_path: Path) -> None:
    neuron = GOOD[GOOD.index("  neuron:\n    registers") : GOOD.index("connections:")]
    lonely = neuron.replace("  neuron:", "  lonely:", 1)
    file = tmp_path / "my.yaml"
    file.write_text(GOOD.replace("connections:", lonely + "connections:", 1), encoding="utf-8")
    assert check_profile(file)[1] == [f"{file}:32:3: neurons.lonely: no connection reaches it"]


def test_loading_issues_the_warnings(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(GOOD.replace("threshold: u15", "threshold: u16"), encoding="utf-8")
    with pytest.warns(ProfileWarning, match="is never true for a threshold above 32767"):
        load_profile(file)
