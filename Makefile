# Every target sets itself up on a bare machine: Python 3.11 or newer and make are all it takes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Idle threads sleep instead of spinning: on a shared machine spinning makes torch several times slower.
export OMP_WAIT_POLICY = passive
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup demo test lint docs bench speedrun clean

help:
	@echo "make setup      a virtual environment in .venv with everything"
	@echo "make demo       the whole path on drawn CAPTCHAs, in a few minutes on two cores"
	@echo "make test       the tests, with every example of the documents"
	@echo "make lint       ruff and mypy"
	@echo "make docs       the documents as a site, built with warnings as errors and shown at http://127.0.0.1:8000"
	@echo "make bench      side by side with peers; prints ratios of one run"
	@echo "make speedrun   examples/speedrun.sh: the whole path, a reason above each line"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "== setting up $(VENV): torch, timm, Lightning and ONNX; about two minutes and 2 GB the first time"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tellapart needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all,dev,bench]"
	@touch $(STAMP)

demo: setup
	@echo "== demo: draws CAPTCHAs, trains a reader, evaluates, packs, reads fresh ones"
	$(BIN)/tellapart demo --out demo

test: setup
	@echo "== tests"
	scripts/test

lint: setup
	scripts/check

docs: setup
	$(BIN)/python scripts/site.py --serve

bench: setup
	$(BIN)/python -m benchmarks generate
	$(BIN)/python -m benchmarks predict
	$(BIN)/python -m benchmarks train_step
	$(BIN)/python -m benchmarks memory
	$(BIN)/python -m benchmarks near
	$(BIN)/python -m benchmarks audit

speedrun: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/speedrun.sh

clean:
	rm -rf $(VENV) demo dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
