# make demo and make test do everything on a fresh machine: Python 3.11 or newer and make are enough.
PYTHON ?= python3
# Extra arguments of pip, such as the index of PyTorch's CPU builds: see README, "Installing torch".
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test test-rtl lint schema clean

demo: $(STAMP)
	$(BIN)/bitspike demo --recipe digits-xylo --output build/demo

test: $(STAMP) lint
	$(BIN)/pytest --numprocesses auto --maxprocesses 4

# Every circuit of every profile: Icarus Verilog 200,000 vectors a profile, Verilator 200,000 a circuit; ten minutes of CPU.
test-rtl: $(STAMP)
	BITSPIKE_RTL_VECTORS=200000 $(BIN)/pytest tests/test_systemverilog_profiles.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/make_schema.py --check

schema: $(STAMP)
	$(BIN)/python tools/make_schema.py

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("bitspike needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[train,dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
