# The doors of the project. `make demo` and `make test` need only Python >= 3.11 and a network for packages.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_ENV := URLLIB3_NO_OVERRIDE=1 PIP_NO_BINARY=urllib3-future PIP_DISABLE_PIP_VERSION_CHECK=1
PACKAGES := lab_controller equipment_drivers booking tui trial_logs hardware_sim

.PHONY: demo demo-headless test check bench matrix soak format clean

demo: $(VENV)/.base
	$(BIN)/machikoba demo

demo-headless: $(VENV)/.base
	$(BIN)/machikoba demo --headless --out demo-out

test: $(VENV)/.dev
	$(BIN)/pytest -n 3 --dist loadfile -m "not soak"

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

matrix: $(VENV)/.dev
	$(BIN)/python -m tests.matrix

soak: $(VENV)/.dev
	$(BIN)/pytest -m soak

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# urllib3-future is built from source with its override switched off: otherwise it replaces urllib3.
$(VENV)/.base: requirements/base.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; found " + sys.version.split()[0] + ". Install it, then: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_ENV) $(BIN)/python -m pip install -q --require-hashes -r requirements/base.txt
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	$(PIP_ENV) $(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

clean:
	rm -rf $(VENV) demo-out .mypy_cache .ruff_cache .pytest_cache
