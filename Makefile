# make run, make test and make check install what they need.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help run test check install format lock messages bench load performance samples schema contract hostile faults screenshots docs docs-serve audit sbom clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: install  ## start the whole site with a demo shop (PORT=8000)
	@exec $(BIN)/python -m ordersite.devstack

test: install .venv/node/installed  ## run the whole suite, in parallel, against real PostgreSQL and Valkey
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup -q

check: install .venv/docs .venv/node/installed  ## run every gate: format, lint, types, import contracts, migrations, API description, links of the docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-cache | tail -n 8
	@$(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	@mkdir -p .local && $(BIN)/python manage.py spectacular --validate --fail-on-warn --file .local/openapi.yml
	@diff -u docs/openapi.yml .local/openapi.yml > .local/openapi.diff || { head -40 .local/openapi.diff; \
		echo "docs/openapi.yml is not what the code says: make schema, look at the difference, commit it"; exit 1; }
	@$(BIN)/openapi-spec-validator docs/openapi.yml
	@$(BIN)/python -m tools.openapi
	@$(BIN)/python -m tools.docs
	@echo "all gates passed"

install: .venv/installed  ## make the virtual environment

.venv/installed: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none is on the PATH"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) has no venv module: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }
	@$(BIN)/python ordersite/devstack/install.py requirements-dev.txt
	@touch $@

format: install  ## format the code and apply safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: install  ## compile the requirements from the .in files
	@for name in requirements requirements-dev requirements-bench requirements-docs requirements-node requirements-audit; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --fork-strategy fewest --custom-compile-command 'make lock' $$name.in -o $$name.txt; done

messages: install  ## update the catalogues of translations (docs/languages.md)
	@$(BIN)/python -m tests.support.catalogues

bench: .venv/bench  ## run every benchmark on servers of its own (8 minutes); for one: manage.py bench NAME
	@for name in $$($(BIN)/python -m benchmarks --names); do $(BIN)/python -m benchmarks $$name || failed="$$failed $$name"; done; \
		test -z "$$failed" || { echo "not right:$$failed"; exit 1; }

load: .venv/bench  ## let customers and staff use a site of its own, then check it (SECONDS=60 USERS=20)
	@$(BIN)/python -m benchmarks.load $(if $(SECONDS),--seconds $(SECONDS)) $(if $(USERS),--users $(USERS))

performance: .venv/bench  ## write the figures of the last benchmarks into docs/performance.md
	@$(BIN)/python -m benchmarks.tables

.venv/bench: .venv/installed requirements-bench.txt
	@$(BIN)/python ordersite/devstack/install.py requirements-bench.txt
	@touch $@

samples: install  ## write a stored sample of each event that has none yet (docs/add-a-command.md)
	@$(BIN)/python -m tests.support.samples

schema: install  ## write docs/openapi.yml, the description of the API, and the list of its codes
	@$(BIN)/python -m tests.support.problem_codes
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yml

contract: install  ## search longer for an answer that the description lacks (SECONDS=600, for customers and for staff)
	@CONTRACT_PHASES=examples,coverage,fuzzing,stateful CONTRACT_SECONDS=$(or $(SECONDS),300) $(BIN)/python -m pytest tests/ordersite/api/test_contract.py -q -s

hostile: install  ## send hostile values to the API and the admin; no answer may be 500 (SECONDS=600 SEED=7)
	@HOSTILE_SECONDS=$(or $(SECONDS),300) $(if $(SEED),HOSTILE_SEED=$(SEED)) $(BIN)/python -m pytest tests/ordersite/test_hostile_walk.py -q -s

faults: install  ## break a running site in random order while clients write (SEED=7 SECONDS=120)
	@$(BIN)/python -m tests.faults.run $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS))

screenshots: install  ## take the pictures of the docs, on a site of its own
	@$(BIN)/python -m tests.browser.screenshots

docs: .venv/docs  ## build the docs as a site in .local/docs; fails on a dead link
	@$(BIN)/python -m tools.docs

docs-serve: docs  ## serve that site at http://127.0.0.1:8001 (PORT=8001), where its search works
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory .local/docs $(or $(PORT),8001)

.venv/docs: .venv/installed requirements-docs.txt
	@echo "installing what builds the docs (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
	@touch $@

.venv/node/installed: .venv/installed requirements-node.txt tools/openapi/package-lock.json
	@$(BIN)/python ordersite/devstack/install.py requirements-node.txt
	@echo "installing what checks the API's description (once)"
	@$(BIN)/python -m tools.openapi --install
	@touch $@

audit: .venv/audit/installed  ## look for known faults, licences and old pins of packages (ADVISORIES=folder of a local copy)
	@$(BIN)/python -m tools.audit

sbom: .venv/audit/installed  ## write the software bill of materials of production, CycloneDX, to .local/sbom.json (at each release)
	@mkdir -p .local
	@PYTHONWARNINGS=ignore .venv/audit/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible -o .local/sbom.json
	@echo "written: .local/sbom.json"

.venv/audit/installed: .venv/installed requirements-audit.txt
	@echo "installing what audits packages (once)"
	@$(BIN)/python -m venv .venv/audit
	@.venv/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@touch $@

clean:  ## remove the environment and all local data
	@rm -rf .venv .local
