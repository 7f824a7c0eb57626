# `make` sets everything up and runs config.yaml; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config.yaml
export GPUS ?=
PROFILE ?=
# Snakemake would run code that stands in a config as it reads it (docs/security.md)
CHECK := $(BIN)/python -m attx check --quiet --configfile $(CONFIG)
SNAKEMAKE := $(CHECK) && $(BIN)/snakemake $(if $(PROFILE),--workflow-profile $(PROFILE)) --configfile $(CONFIG)
READY := $(VENV)/.ready
BENCH := $(or $(wildcard $(BIN)/python),$(PYTHON)) -m benchmarks.run

.DEFAULT_GOAL := run
.PHONY: run sample attacks report cluster cluster-log fetch test oracles faults lint bench bench-gpu big dry lock unlock verify clean help

run: $(CONFIG) $(READY)  ## run the workflow on CONFIG (default config.yaml), on so many GPUS (default 1): tables and figures under its results folder
	$(SNAKEMAKE)

sample: $(READY)  ## run config/sample.yaml: the published settings on the carried model and images
	$(MAKE) run CONFIG=config/sample.yaml

attacks: $(READY)  ## run config/attacks.yaml: white-box success and transfer of every attack (docs/methods.md)
	$(MAKE) run CONFIG=config/attacks.yaml

cluster: $(CONFIG) $(READY)  ## run CONFIG on a Slurm cluster, by profiles/slurm (docs/hpc.md)
	$(MAKE) run PROFILE=profiles/slurm

fetch: $(CONFIG) $(READY)  ## fetch and check the weights of CONFIG's models: for runs on machines without a network
	$(SNAKEMAKE) fetch

report: $(CONFIG) $(READY)  ## make all, and report.html with it: tables, figures and maps on one page (docs/report.md)
	$(SNAKEMAKE) report

dry: $(CONFIG) $(READY)  ## say what `make` would do, and why
	$(SNAKEMAKE) --dry-run --quiet host

test: $(READY)  ## the tests; no network needed once installed
	$(BIN)/python -m pytest $(ARGS)

oracles: $(READY)  ## write docs/reference/oracles.md: how far results are from those of other implementations
	$(BIN)/python -m pytest -q --oracles=docs/reference/oracles.md

faults: $(READY)  ## write docs/reference/faults.md: break runs in many ways, and see that each completes after all
	$(BIN)/python -m pytest -q --faults=docs/reference/faults.md $(ARGS)

cluster-log: $(READY)  ## write docs/reference/slurm_run.md: a run on a Slurm that is started here for it, and one without (as root)
	$(BIN)/python -m tests.cluster.record docs/reference/slurm_run.md

lint: $(READY)  ## style, Snakemake's own lint, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench:  ## benchmarks/results/: efficiencies, and ratios to other ways, on the CPU (minutes, best on an idle machine)
	$(BENCH) --device cpu $(ARGS)

bench-gpu:  ## the same on a GPU; needs no .venv: without one, PYTHON with torch, torchvision and Triton serves
	$(BENCH) --device cuda $(ARGS)

big: $(READY)  ## write docs/reference/big_run.md: 50,000 tiny images through the workflow (a quarter of an hour on 2 cores)
	$(BIN)/python -m benchmarks.big --out docs/reference/big_run.md $(ARGS)

unlock: $(READY)  ## after a killed run: let the next one start; refuses while jobs of this folder are alive, or may be elsewhere (FORCE=1)
	$(BIN)/python -m attx unlock $(if $(FORCE),--force)

verify: $(CONFIG) $(READY)  ## read all results of CONFIG and say which are damaged; DELETE=1 deletes those, to be made anew
	$(BIN)/python -m attx verify --configfile $(CONFIG) $(if $(DELETE),--delete)

COMPILE := uv pip compile --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url pyproject.toml

lock:  ## write envs/*.lock anew from pyproject.toml (needs uv): all packages, and those that runs need
	$(COMPILE) --extra dev -o envs/requirements.lock
	$(COMPILE) --extra cluster --extra quantus --constraint envs/requirements.lock -o envs/run.lock

clean:  ## delete the virtual environment (results stay)
	rm -rf $(VENV)

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 11

$(READY): envs/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@echo "installing pinned packages into $(VENV): about 6.5 GB, a few minutes"
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r envs/requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
