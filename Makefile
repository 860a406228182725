# Two commands for a newcomer: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= 2
CONSTRAINTS ?= constraints.txt
PYTEST := $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

.PHONY: help demo test test-slow test-kernels calibration bench bench-gpu test-gpu soak licences vulnerabilities sbom docs links lint format clean
help:       ## what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

# constraints.txt pins torch, so that a machine without a GPU does not download gigabytes of CUDA.
$(STAMP): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@

demo: $(STAMP)       ## segmenters and classifiers on embedded cohorts, a control among them: sweeps, audits, pages
	$(BIN)/python train.py experiment=demo -m
	$(BIN)/python evaluate.py runs=runs/demo
	$(BIN)/python train.py experiment=tstr generator.seed=0 -m
	$(BIN)/python train.py experiment=tstr generator.seed=0 generator=replay name=tstr_replay alpha=0.0 -m
	$(BIN)/python evaluate.py "runs=[runs/tstr,runs/tstr_replay]" folder=reports/tstr

test: lint           ## lint, floors, types and the everyday suite, in JOBS=2 processes of one thread each
	$(PYTEST)

test-slow: $(STAMP)  ## the tests that take minutes
	$(PYTEST) -m slow

# SYNTHTRUST_DATA=DIR adds the radiographs of DIR/medmnist/pneumoniamnist.npz.
calibration: $(STAMP) ## simulate what intervals cover and how often verdicts are wrong, and write docs/calibration.md
	cd tests && OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(abspath $(BIN))/python -m calibration --jobs $(JOBS)

bench: $(STAMP)      ## measure what each station costs beside what a user would write otherwise, write docs/benchmarks.md
	cd tests && OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(abspath $(BIN))/python -m benchmarks

# Each of these makes libraries use the kernels of another processor; set one in front of any other command, too.
KERNELS := OMP_NUM_THREADS=2 ATEN_CPU_CAPABILITY=default ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 \
           OPENBLAS_CORETYPE=Haswell OPENBLAS_CORETYPE=Prescott OPENBLAS_CORETYPE=SkylakeX

test-kernels: $(STAMP) ## the tests whose numbers come from linear algebra and convolutions, as other processors compute
	for kernel in $(KERNELS); do echo "== $$kernel"; env $$kernel $(PYTEST) \
	    tests/audits tests/data tests/generators tests/metrics tests/models || exit 1; done
	$(BIN)/python -m pytest -q -m slow tests/generators/test_kernels.py

test-gpu: $(STAMP)   ## the tests on a GPU; where there is none each says so
	$(BIN)/python -m pytest -m gpu -rsA tests/gpu

bench-gpu: $(STAMP)  ## measure steps, labelling and painting on a GPU, and write them into docs/benchmarks.md
	cd tests && $(abspath $(BIN))/python -m benchmarks gpu

soak: $(STAMP)       ## mutated files, kills, ranks, canaries and full disks by the thousand, and one table; an hour
	cd tests && OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(abspath $(BIN))/python -m soak

licences: $(STAMP)   ## the licence of every package that a user installs
	cd tests && $(abspath $(BIN))/python -m supply_chain

# In an environment of their own, since they are no part of what they look at.
AUDIT := $(VENV)/audit/bin
$(AUDIT)/pip-audit:
	$(PYTHON) -m venv $(VENV)/audit
	$(AUDIT)/python -m pip install -q pip-audit cyclonedx-bom

vulnerabilities: $(AUDIT)/pip-audit ## known vulnerabilities of the packages of CONSTRAINTS
	$(AUDIT)/pip-audit --no-deps --disable-pip -r $(CONSTRAINTS)

sbom: $(STAMP) $(AUDIT)/pip-audit ## the installed packages as a bill of materials, sbom.json (CycloneDX)
	$(AUDIT)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --of JSON -o sbom.json

# Every warning is an error: a link to nowhere, a docstring that cannot be read.
docs: $(STAMP)       ## the documentation as a site, docs/_build/index.html
	$(BIN)/python -m pip install -q -c $(CONSTRAINTS) -e '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build

links: $(STAMP)      ## follow every link out of the documentation; needs the network
	$(BIN)/python -m pip install -q -c $(CONSTRAINTS) -e '.[docs]'
	$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/links

lint: $(STAMP)       ## only the checks that need no run
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/codespell

format: $(STAMP)     ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:               ## remove the caches of the checks; runs, twins and the environment stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
