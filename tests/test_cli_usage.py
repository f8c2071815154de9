"""The command line as a whole: its verbs, its warnings, and streams that do not take what it prints."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import bitspike as bs
import pytest
from bitspike import cli
from builders import GENERIC
from command_line import HWCONFIGS, beside_compiling, bitspike, digits, refused, small

VERBS = ["profiles", "show", "check", "train", "run", "compare", "explain", "verify", "export", "demo"]
PROGRAM = [sys.executable, "-c", "import sys; from bitspike.cli import main; sys.exit(main())"]
DOUBT = "26:21: neurons.neuron.step[3].fire.branches[0].when: is never true for a threshold above 32767"


def doubtful(folder: Path) -> Path:
    """A profile that is warned about."""
    text = (HWCONFIGS / f"{GENERIC}.yaml").read_text(encoding="utf-8")
    (folder / "my.yaml").write_text(text.replace("threshold: u15", "threshold: u16"), encoding="utf-8")
    return folder / "my.yaml"


def test_without_a_verb_the_usage_is_shown(capsys):
    ran = bitspike(capsys)
    assert (ran.status, ran.out) == (2, "")
    assert ran.errors[0] == "usage: bitspike [-h] [--version] VERB ..."
    assert ran.errors[-1] == "bitspike: error: the following arguments are required: VERB"


def test_an_unknown_verb_is_refused_with_the_verbs_there_are(capsys):
    ran = bitspike(capsys, "simulate")
    assert ran.status == 2
    assert "invalid choice: 'simulate'" in ran.err
    assert all(verb in ran.errors[-1] for verb in VERBS)


def test_help_lists_every_verb_with_its_summary(capsys):
    ran = bitspike(capsys, "--help")
    assert (ran.status, ran.err) == (0, "")
    for verb in VERBS:
        assert f"\n    {verb} " in ran.out
    assert "list the shipped hardware profiles" in ran.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(capsys, verb):
    ran = bitspike(capsys, verb, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: bitspike {verb} ")
    assert "--json" in ran.out


def test_the_version_is_the_packages(capsys):
    assert bitspike(capsys, "--version").out == f"bitspike {bs.__version__}\n"


def test_the_installed_program_says_nothing_beside_its_result(tmp_path):
    program = Path(sys.executable).with_name("bitspike")
    network = digits(tmp_path / "net.npz")
    ran = subprocess.run(
        [program, "run", network, "--data", "digits", "--samples", "2"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, beside_compiling(ran.stderr)) == (0, "")
    assert "2 samples of 2 steps, accuracy" in ran.stdout


def test_an_error_of_the_installed_program_is_one_line(tmp_path):
    program = Path(sys.executable).with_name("bitspike")
    ran = subprocess.run([program, "show", "generic-w8-v61"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.endswith("Did you mean 'generic-w8-v16'?\n")


def test_a_profiles_warning_is_one_line_and_no_python_warning(capsys, tmp_path):
    file = doubtful(tmp_path)
    ran = bitspike(capsys, "show", file)
    assert ran.status == 0
    assert ran.errors == [f"warning: {file}:{DOUBT}: membrane holds -32768 to 32767"]


def test_a_profiles_warning_is_given_at_every_load(capsys, tmp_path):
    file = doubtful(tmp_path)
    assert bitspike(capsys, "show", file).err == bitspike(capsys, "show", file).err != ""


def test_a_warning_of_another_kind_is_left_to_python(capsys, monkeypatch):
    def warn(args):
        import warnings

        warnings.warn("something else", UserWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(cli.profiles, "act", warn)
    with pytest.warns(UserWarning, match="something else"):
        cli.main(["profiles"])


@pytest.mark.parametrize("arguments", [["profiles"], ["show", GENERIC, "--json"]])
def test_a_closed_pipe_is_quiet(arguments):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*PROGRAM, *arguments], **streams) as process:
        process.stdout.close()  # long before there is something to print
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_full_disk_behind_stdout_is_one_line():
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "w") as full:
        ran = subprocess.run([*PROGRAM, "profiles"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, f"output: {os.strerror(errno.ENOSPC)}\n")


def test_too_little_memory_is_one_line(capsys, monkeypatch):
    def exhaust(args):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setattr(cli.profiles, "act", exhaust)
    assert bitspike(capsys, "profiles").err == "out of memory; try fewer --samples. Unable to allocate 9 TiB\n"


def test_ctrl_c_is_one_line(capsys, monkeypatch):
    def stop(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.profiles, "act", stop)
    ran = bitspike(capsys, "profiles")
    assert (ran.status, ran.out, ran.err) == (130, "", "interrupted\n")


@pytest.mark.parametrize("verb", ["show", "check", "export", "run"])
def test_a_name_that_cannot_be_printed_is_escaped_on_one_line(capsys, tmp_path, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    options = {"export": ["--format", "npz", "-o", "x.npz"], "run": ["--data", "digits"]}
    ran = bitspike(capsys, verb, "no\n\x1b\udcff.npz", *options.get(verb, []))
    assert ran.status == 2
    assert ran.errors == ["no\\n\\x1b\\udcff.npz: no such file"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_file_whose_name_has_no_text_is_used(tmp_path, encoding):
    name = tmp_path / os.fsdecode(b"n\xff.npz")
    try:
        small(name)
    except OSError:
        pytest.skip("this file system takes only names that are text")
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    command = [*PROGRAM, "export", name, "--format", "npz", "-o", tmp_path / os.fsdecode(b"\xc3\xa9\xff.npz")]
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"\\udcff.npz" in ran.stdout


def test_a_path_that_is_a_folder_is_refused(capsys, tmp_path):
    reason = os.strerror(errno.EISDIR)
    assert refused(capsys, tmp_path, "run", tmp_path, "--data", "digits") == [f"{tmp_path}: cannot be read: {reason}"]
