# Two commands set everything up: `make demo` and `make test`. `make check` is what CI runs.
# Distributions build their Python guided by profiles, which many others are not: a tenth quicker (decision 0032).
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

# `make` alone lists what there is.
.DEFAULT_GOAL := help

.PHONY: help demo test test-long check format lint types law pages wheel contracts lock clean

help:
	@echo "make demo       set up and run the main job on a year of real purchases, then serve (ARGS=--exit, …)"
	@echo "make test       set up the test tools and run all tests; make test-long runs the long ones"
	@echo "make check      format, lint, types, import law, tests: what CI runs"

# A stamp per lock file: an installation is redone when its lock or the project's metadata changes.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Keyuan needs Python 3.11 or newer: make PYTHON=/path/to/python3 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked requirements (once) …" >&2
	$(PIP_INSTALL) --require-hashes -r requirements/demo.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked requirements and test tools (once) …" >&2
	$(PIP_INSTALL) --require-hashes -r requirements/test.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo

# What pages load of others, by npm's lock file. Where there is no npm, or an old one, a Node from PyPI brings it.
BUILT := src/keyuan/web/pages/static/built/charts.js
HAS_NODE := npm --version >/dev/null 2>&1 && node -e 'process.exit(+(parseInt(process.versions.node) < 18))' 2>/dev/null
$(BUILT): $(addprefix frontend/,package.json package-lock.json build.mjs charts.js) requirements/node.txt | $(BIN)/python
	@echo "Building what pages load (once) …" >&2
	@{ $(HAS_NODE); } || $(PIP_INSTALL) --require-hashes -r requirements/node.txt
	@cd frontend && { { $(HAS_NODE); } || PATH="$(abspath $(BIN)):$$PATH"; } \
	  && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 && npm run --silent build >&2

pages: $(BUILT)

# The whole of it in one file, what pages load included.
wheel: $(VENV)/.demo $(BUILT)
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# The main job on a year of real purchases; ARGS="--exit --json", ARGS="--data DIR", …
demo: $(VENV)/.demo $(BUILT)
	@$(BIN)/keyuan demo $(ARGS)

# Two files run at a time, each worker on its own PostgreSQL; three keep two cores busy all the time, and what waits for
# an answer then waits long.
test: $(VENV)/.test $(BUILT)
	$(BIN)/python -m pytest -q -m "not long" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(VENV)/.test $(BUILT)
	$(BIN)/python -m pytest -q -m long --timeout 3600 $(ARGS)

check: $(VENV)/.test format lint types law test

format: $(VENV)/.test
	$(BIN)/ruff format --check .

lint: $(VENV)/.test
	$(BIN)/ruff check .

types: $(VENV)/.test
	$(BIN)/basedpyright

law: $(VENV)/.test
	$(BIN)/lint-imports --no-cache

# For maintainers, after a change of a contract: its artifacts travel in the wheel, and a test compiles them again.
contracts: $(VENV)/.test
	$(BIN)/python -m keyuan.contracts.compile

# For maintainers, with uv installed: the locks hold versions and hashes and no address of any registry.
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:
	$(UV_COMPILE) pyproject.toml requirements/build.in --extra demo --extra test -o requirements/test.txt
	$(UV_COMPILE) pyproject.toml requirements/build.in --extra demo -c requirements/test.txt -o requirements/demo.txt
	$(UV_COMPILE) pyproject.toml requirements/build.in -c requirements/test.txt -o requirements/run.txt
	$(UV_COMPILE) requirements/node.in -c requirements/test.txt -o requirements/node.txt

clean:
	rm -rf $(VENV) frontend/node_modules $(dir $(BUILT)) build dist .pytest_cache .ruff_cache .hypothesis
