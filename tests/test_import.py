"""Only training and devices need torch, and imports run one way."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import bitspike as bs
import pytest
from command_line import beside_compiling, digits, recipe, small, spikes

ROOT = Path(bs.__file__).parent
TORCH = {"torch", "brevitas"}

# lowest first: a module imports from its own row and the rows before it
ROWS = (
    ("errors", "word"),
    ("archive", "ops"),
    ("datapath",),
    ("document", "trace"),
    ("profile", "compare"),
    ("network",),
    ("events", "raster"),
    ("engine",),
    ("dispute",),
    ("exchange", "report", "training"),
    ("",),  # the package itself: what a user imports
    ("cli",),
    ("__main__",),
)
ROW = {name: row for row, names in enumerate(ROWS) for name in names}

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Missing())
"""
MAIN = "from bitspike.cli import main\nsys.exit(main(sys.argv[1:]))"
EVERYTHING_ELSE = """
import numpy as np
import bitspike as bs
from bitspike.cli import main

net, spikes = bs.load_network("net.npz"), np.load("in.npy")
bs.compare(bs.run(net, spikes, record="all"), bs.run(net, spikes, engine="oracle", record="all")).check()
bs.explain(net, spikes, layer="a", neuron=0, step=0)
bs.export(net, "images", format="readmemh")
for line in (
    "profiles",
    "show xylo-audio-2",
    "check xylo-audio-2",
    "run net.npz --data in.npy --record all -o a.npz",
    "run net.npz --data in.npy --record all --engine oracle -o b.npz",
    "run digits.npz --data digits --samples 2",
    "compare a.npz b.npz",
    "explain net.npz --data in.npy --layer a --neuron 0 --step 0",
    "export net.npz --format readmemh -o images",
    "export net.npz --format npz -o c.npz",
):
    assert main(line.split()) == 0, line
assert not {"torch", "brevitas", "matplotlib"} & set(sys.modules)
"""


def without(missing: tuple[str, ...], code: str, folder: Path, *arguments: object) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a program in a Python that lacks some packages; warnings are errors."""
    program = [sys.executable, "-W", "error", "-c", WITHOUT.format(missing=missing) + code, *map(str, arguments)]
    ran = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def test_everything_but_training_works_without_torch(tmp_path):
    pytest.importorskip("sklearn")
    small(tmp_path / "net.npz")
    digits(tmp_path / "digits.npz")
    spikes(tmp_path / "in.npy")
    status, out, err = without(("torch", "brevitas", "matplotlib"), EVERYTHING_ELSE, tmp_path)
    assert (status, beside_compiling(err)) == (0, "")
    assert "equal: 72 values of 3 samples compared" in out


def test_nothing_but_training_imports_torch_where_there_is_one(tmp_path):
    small(tmp_path / "net.npz")
    spikes(tmp_path / "in.npy")
    run = "from bitspike.cli import main; main(['run', 'net.npz', '--data', 'in.npy']); "
    code = f"import sys; {run}assert not {TORCH!r} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0


def test_a_device_without_torch_says_what_to_install(tmp_path):
    small(tmp_path / "net.npz")
    spikes(tmp_path / "in.npy")
    found = without(("torch",), MAIN, tmp_path, "run", "net.npz", "--data", "in.npy", "--device", "cuda")
    missing = "allowed: none without torch (torch is missing): pip install 'bitspike[train]'"
    assert found == (2, "", f"device: found 'cuda'; {missing}\n")


@pytest.mark.parametrize("verb", ["train", "demo"])
def test_training_without_torch_says_what_to_install(tmp_path, verb):
    recipe(tmp_path / "tiny.yaml")
    arguments = {"train": ["tiny.yaml", "-o", "net.npz"], "demo": ["--recipe", "tiny.yaml", "-o", "out"]}
    found = without(("torch", "brevitas"), MAIN, tmp_path, verb, *arguments[verb])
    line = "training needs the extra 'train' (torch is missing): pip install 'bitspike[train]'\n"
    assert found == (2, "", line)
    assert os.listdir(tmp_path) == ["tiny.yaml"]


def test_a_data_set_without_its_package_says_what_to_install(tmp_path):
    digits(tmp_path / "net.npz")
    found = without(("sklearn",), MAIN, tmp_path, "run", "net.npz", "--data", "digits")
    assert found == (2, "", "data: 'digits' comes with scikit-learn: pip install 'bitspike[train]'\n")


MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def runs_at_import(tree: ast.AST):
    """The nodes of a module that run when it is imported: no function's body, nothing only for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        yield from runs_at_import(node)


def imported(file: str, node: ast.AST) -> list[str]:
    """What an import statement names, in full: 'torch.nn', 'bitspike.engine.run'."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    if not node.level:
        return [node.module or ""]
    package = ["bitspike", *Path(file).parent.parts]
    base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
    return [base] if node.module else [f"{base}.{alias.name}" for alias in node.names]


def home(module: str) -> str:
    """The folder, or the file at the top, that a module of bitspike belongs to; '' for the package itself."""
    first = [*module.split("."), ""][1]
    return first if (ROOT / first).is_dir() or (ROOT / f"{first}.py").is_file() else ""


def imports(file: str) -> set[tuple[str, str]]:
    """Which home imports which, by every import statement of a module, wherever it stands."""
    own = "" if file == "__init__.py" else Path(file).parts[0].removesuffix(".py")
    nodes = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    names = [name for node in nodes for name in imported(file, node)]
    return {(own, home(name)) for name in names if name.partition(".")[0] == "bitspike"}


FOR_TORCH = ("training/", "ops/torch_", "ops/tensor.py", "ops/integer_tensor.py", "engine/device")
WITHOUT_TORCH = [f"training/{name}.py" for name in ("data", "encoding", "history", "task")]
NOT_FOR_TORCH = [file for file in MODULES if not file.startswith(FOR_TORCH)]


@pytest.mark.parametrize("file", [*NOT_FOR_TORCH, "training/__init__.py", *WITHOUT_TORCH])
def test_only_training_and_devices_import_torch(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {name.partition(".")[0] for node in runs_at_import(tree) for name in imported(file, node)}
    assert not names & TORCH


@pytest.mark.parametrize("file", MODULES)
def test_imports_run_one_way(file):
    assert [(own, other) for own, other in imports(file) if ROW[other] > ROW[own]] == []


def test_no_two_of_a_row_import_each_other():
    pairs = {pair for file in MODULES for pair in imports(file)}
    assert [(a, b) for a, b in pairs if a < b and (b, a) in pairs] == []


def test_what_reads_other_formats_and_draws_waits_until_it_is_asked_for():
    late = "bitspike.exchange", "bitspike.report", "bitspike.training", "bitspike.cli"
    heavy = {"rich", "nir", "h5py", "matplotlib", "torch", "sklearn", "logging.config"}
    code = f"""
import sys, bitspike as bs
assert not {heavy!r} & set(sys.modules)
assert not [name for name in sys.modules if name.startswith({late!r})]
assert set(bs.__all__) <= set(dir(bs))
from bitspike import *
assert footprint is bs.footprint and "bitspike.exchange" in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_is_there_and_no_other():
    assert all(getattr(bs, name) is not None for name in bs.__all__)
    with pytest.raises(AttributeError, match="'bitspike' has no attribute 'nothing'"):
        bs.nothing  # noqa: B018


def test_a_first_run_does_without_what_numpy_imports_late(tmp_path):
    small(tmp_path / "net.npz")
    spikes(tmp_path / "in.npy")
    code = """
import sys, numpy as np, bitspike as bs
bs.run(bs.load_network("net.npz"), np.load("in.npy"))
assert "numpy.ma" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
