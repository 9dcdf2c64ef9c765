# `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What the package's build brings in for the browser (hatch_build.py).
ASSETS := $(addprefix frontend/,package.json package-lock.json .npmrc qr-decoder.js) \
  $(wildcard core/static/*.js mobile/static/*.js)
# Handed on to the command of a target: make demo ARGS="--port 9000 --exit"
ARGS ?=

.PHONY: help setup demo test check bench simulate rehearse screens browser clean

help: ## Say what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' \
	  | while IFS=$$'\t' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## Create .venv and install everything into it (Python 3.11 or newer)

$(STAMP): pyproject.toml constraints.txt hatch_build.py $(ASSETS)
	@python=$$(command -v python3.11 || command -v python3 || true); \
	if [ -z "$$python" ] || ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	  echo "Python 3.11 or newer is needed: install python3.11 with its venv module." >&2; exit 1; \
	fi; \
	if [ ! -x $(BIN)/python ]; then "$$python" -m venv $(VENV); fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: setup ## Start everything on this machine, play the story, serve until Ctrl-C
	$(BIN)/furusato demo $(ARGS)

test: setup browser ## Run all tests, on real servers and a real browser
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: setup ## Lint, format, types, import contracts, migration drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m app.migrate --check

bench: setup ## Measure; the last line is one JSON object
	$(BIN)/python -m bench $(ARGS)

simulate: setup ## Rehearse the three model towns for ten years; results in .furusato/simulation
	@for scenario in pioneer late wide; do \
	  $(BIN)/furusato simulate --scenario $$scenario --out .furusato/simulation/$$scenario $(ARGS); \
	done

rehearse: setup ## Have simulated people live eighteen months on the real platform, then open it
	$(BIN)/furusato rehearse --scenario pioneer --people 2000 --months 18 --check $(ARGS)

screens: setup browser ## Take pictures of the pages of a rehearsal
	$(BIN)/python -m tests.screens $(ARGS)

browser: setup ## Make sure that Chromium and a Japanese font are installed
	@$(BIN)/python tests/browser_setup.py

clean: ## Remove what setup and rehearsals have made
	rm -rf $(VENV) .furusato core/static/vendor
