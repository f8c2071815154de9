"""The shipped profiles: found by name, free of faults and warnings, described by the shipped schema."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from bitspike.document import wording
from bitspike.errors import DocumentError
from bitspike.ops.interval import Interval
from bitspike.profile import check_profile, load_profile, profile_names
from bitspike.profile.analysis import effective_weight, widest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "hwconfigs").glob("*.yaml"))


def test_every_file_of_the_folder_is_a_shipped_profile() -> None:
    assert profile_names() == [file.stem for file in FILES]
    assert {"generic-w8-v16", "xylo-audio-2", "xylo-audio-3", "xylo-core-1", "xylo-imu"} <= set(profile_names())


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_loads_without_a_warning_under_its_own_name(name: str) -> None:
    profile, warnings = check_profile(name)
    assert profile.name == name
    assert warnings == []


def test_a_shipped_profile_is_read_without_the_json_schema_of_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes as long to make as all the rest, and only says what is wrong."""
    monkeypatch.setattr(wording, "_schema_of", lambda _: pytest.fail("made"))
    assert [load_profile(name).name for name in profile_names()] == profile_names()


def test_a_profile_is_loaded_by_path_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my.yaml"
    file.write_bytes(FILES[0].read_bytes())
    monkeypatch.chdir(tmp_path)
    assert load_profile(file) == load_profile(str(file)) == load_profile("my.yaml") == load_profile(FILES[0].stem)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(DocumentError) as caught:
        load_profile("generic-w8-v61")
    names = ", ".join(profile_names())
    assert str(caught.value) == (
        f"profile: found 'generic-w8-v61'; allowed: {names}, or the path of a .yaml file. "
        "Did you mean 'generic-w8-v16'?"
    )


def test_a_path_that_does_not_exist_is_refused_as_a_path() -> None:
    with pytest.raises(DocumentError, match=r"^nowhere/mychip: there is no such file$"):
        load_profile("nowhere/mychip")


def test_the_two_audio_chips_share_their_datapath() -> None:
    two, three = load_profile("xylo-audio-2"), load_profile("xylo-audio-3")
    assert two.neurons == three.neurons
    assert two.connections == three.connections
    assert two.limits != three.limits


def test_the_imu_chip_shares_the_readout_of_the_audio_chips() -> None:
    imu, audio = load_profile("xylo-imu"), load_profile("xylo-audio-2")
    assert imu.neurons["output"] == audio.neurons["output"]
    assert imu.connections["readout"] == audio.connections["readout"]


def test_the_widest_value_of_a_step_is_known() -> None:
    generic, xylo = load_profile("generic-w8-v16"), load_profile("xylo-audio-2")
    # -32768 - 255 * 128 = -65408 on delivery; the membrane plus the accumulator reaches -65536
    assert widest(generic, "neuron") == Interval(-65536, 65535)
    # a weight of -128 shifted by 15, before it is wrapped into 16 bits
    assert widest(xylo, "hidden").lo == -128 << 15
    assert widest(xylo, "hidden").bits == 23


def test_the_effective_weight_has_its_format_applied() -> None:
    generic, imu = load_profile("generic-w8-v16"), load_profile("xylo-imu")
    assert effective_weight(generic, generic.connections["forward"]) == Interval(-128, 127)
    assert effective_weight(imu, imu.connections["input"]) == Interval(-32768, 32767)


def _make_schema() -> str:
    spec = importlib.util.spec_from_file_location("make_schema", ROOT / "tools" / "make_schema.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.schema_text())


def test_the_shipped_schema_is_current() -> None:
    assert (ROOT / "hwconfigs" / "profile.schema.json").read_text(encoding="utf-8") == _make_schema()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_profile_is_valid_under_the_shipped_schema(file: Path) -> None:
    schema = json.loads((ROOT / "hwconfigs" / "profile.schema.json").read_text(encoding="utf-8"))
    profile = yaml.safe_load(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(profile, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(profile | {"clock": "never"}, schema)
