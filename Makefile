# Needs Python >= 3.11, make and a package registry. .venv is made once, and brought up to date when pyproject.toml changes.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test faults lint format bench docs clean

demo: .venv/.core ## train on the 8x8 digits that scikit-learn bundles, and write a page about it
	@$(BIN)/narrows fit digits --report -o digits.narrows

test: .venv/.test ## all tests; ARGS="-k name" for some
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

faults: .venv/.test ## tests of runs on a cluster of which something dies, one after another
	@$(BIN)/python -m pytest -q -m faults $(ARGS)

lint: .venv/.lint ## style, types, and who may import whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/.lint ## what ruff can mend, mended
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

BENCH ?= $(sort $(wildcard benchmarks/[a-z]*.py))
bench: .venv/.bench ## the figures of the README; BENCH=benchmarks/one.py for one of them
	@for script in $(BENCH); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: .venv/.docs ## the documentation, in docs/_build/index.html; warnings are errors
	@$(BIN)/sphinx-build --quiet --fail-on-warning --nitpicky docs docs/_build

clean: ## everything that these commands made
	@rm -rf .venv digits.narrows digits.html docs/_build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.core: pyproject.toml
	@test -n "$(PYTHON)" || { echo "narrows needs Python 3.11 or newer: make PYTHON=path/to/python3.11" >&2; exit 1; }
	@echo "Setting up .venv (once; downloads Keras, JAX, scikit-learn and what they need)"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) --upgrade 'pip>=25.1' # the first that knows dependency groups
	@$(INSTALL) --editable .
	@touch $@

.venv/.test .venv/.lint .venv/.bench .venv/.docs: .venv/.%: .venv/.core
	@echo "Adding what 'make $*' needs to .venv (once)"
	@$(INSTALL) --group $*
	@touch $@
