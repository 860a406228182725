# Two commands for a newcomer: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo test test-slow lint format clean
help:       ## what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

# constraints.txt pins torch, so that a machine without a GPU does not download gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)       ## segmenters and classifiers on embedded cohorts: sweeps, audits, pages
	$(BIN)/python train.py experiment=demo -m
	$(BIN)/python evaluate.py runs=runs/demo
	$(BIN)/python train.py experiment=tstr -m
	$(BIN)/python evaluate.py runs=runs/tstr

test: lint           ## lint, floors, types and the everyday suite
	$(BIN)/python -m pytest -q

test-slow: $(STAMP)  ## the tests that take minutes
	$(BIN)/python -m pytest -q -m slow

lint: $(STAMP)       ## only the checks that need no run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(STAMP)     ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:               ## remove the caches of the checks; runs, twins and the environment stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
