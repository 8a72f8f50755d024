# Everything a stranger needs: `make demo` shows the whole system, `make test` proves it. Neither needs root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA ?= demo-data
PORT ?= 8042
JOBS ?= 2

.PHONY: help setup viewer demo serve test check bench bench-peers wheelhouse format clean

help:
	@echo "make demo    start a demonstration repository (PORT=8042 DATA=demo-data)"
	@echo "make test    run all tests"
	@echo "make serve   start a centre in ./var"
	@echo "make check   format, lint, types, import contracts, house tests"
	@echo "make wheelhouse   put what a hospital installs without a network into ./wheelhouse"
	@echo "make bench   measure the main paths against plain copying and loopback HTTP"

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("RadCommons needs Python 3.11 to 3.13. Name one: make PYTHON=python3.12 ...") if not (3, 11) <= sys.version_info < (3, 14) else None'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "Installing what RadCommons needs into $(VENV): 2.5 GB, some minutes, once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(STAMP)

# The OHIF viewer comes from its npm package; without npm the own reading page serves.
viewer: setup
	@if command -v npm >/dev/null 2>&1; then $(BIN)/radcommons viewer install || echo "OHIF could not be installed; the reading page serves."; \
	else echo "npm is not here: the own reading page serves. Install npm and run 'make viewer' to add OHIF."; fi

demo: viewer
	$(BIN)/radcommons demo --data $(DATA) --port $(PORT)

serve: viewer
	$(BIN)/radcommons serve --port $(PORT)

test: viewer
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/house -q

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.deid

bench-peers: setup
	@command -v Orthanc >/dev/null || apt-get install --yes orthanc orthanc-dicomweb || { echo "As root: apt-get install orthanc orthanc-dicomweb"; exit 1; }
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.receiving

# What a hospital installs without a network, proved by installing it.
wheelhouse: setup
	$(BIN)/python -m tools.make_wheelhouse wheelhouse --check

clean:
	rm -rf $(VENV) $(DATA) .mypy_cache .ruff_cache
