# Each target is one step of CI (.ci/run) and works on a fresh machine: it installs what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 7624
HTTP ?= 127.0.0.1:9724

.PHONY: help run test test-long lint types bench bench-quick image base-image e2e k8s fuzz chaos release-check clean debs

help: ## what each target does
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "inditree needs Python 3.11 or newer: apt-get install python3 python3-venv"; exit 1; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "no venv module: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[test]'
	@touch $@

debs: ## Debian packages that the tests use as real parts (as root: installs them; else says how)
	@scripts/debs indiserver=indi-bin promtool=prometheus cc=gcc /usr/include/errno.h=libc6-dev stunnel4=stunnel4 named=bind9 faketime=faketime zsh=zsh curl=curl chromium=chromium g++=g++ /usr/include/libindi/baseclient.h=libindi-dev /usr/include/zlib.h=zlib1g-dev

run: $(READY) ## serve a simulated telescope and camera on port 7624
	@echo "INDI on localhost:$(PORT): KStars, PHD2, CCDciel, indi_getprop ... may connect. Ctrl-C ends it."
	@echo "In a browser: http://localhost:$(PORT)/"
	@echo "In another shell: $(if $(filter-out 7624,$(PORT)),INDITREE_PORT=$(PORT) )$(BIN)/inditree status"
	@echo "Where a port is taken: make run PORT=7625 HTTP=127.0.0.1:9725"
	@exec $(BIN)/inditree serve --port $(PORT) --http $(HTTP) inditree-telescope inditree-camera

# Most of a test is waiting for something to happen, so two run on each processor. Hundreds of routers start: compiled once,
# also where the environment keeps Python from writing what it has compiled.
TESTS = $(BIN)/python -m compileall -q service drivers && scripts/tests $(BIN)/python -q -n $$((2 * $$(nproc))) --dist worksteal

test: debs $(READY) ## the tests, in some minutes; test-long has those that take long, e2e those with containers
	@$(TESTS) -m 'not long'

test-long: debs $(READY) ## tests that take long by their nature: simulations, chaos, attacks by the megabyte, every documented command
	@$(TESTS) -m long

lint: $(READY) ## ruff, and the layers of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check -q .
	$(BIN)/lint-imports

types: $(READY) ## mypy --strict on source and tests
	$(BIN)/mypy

bench: debs $(READY) ## the whole table of docs/performance.md, measured here
	PYTHONPATH=tests $(BIN)/python -m bench --docs docs/performance-table.md

bench-quick: debs $(READY) ## the same for correctness only, under 90 s
	PYTHONPATH=tests $(BIN)/python -m bench --quick

-include make/*.mk

clean: ## remove what was built, the environment included
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
