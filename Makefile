# `make help` lists the targets. Everything lives in .venv; python3 with venv and pip
# is all that a fresh machine needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
SECONDS ?=
PORT ?= 8000
# Half of the tests' time is spent waiting for servers.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
PYTHONS ?= 3.11 3.12 3.13
FASTAPI_VERSIONS ?= 0.135.0 0.137.2 0.141.0 0.142.0 newest
MATRIX ?= auto
RUN := .venv/bin/python -m
# Tests and benchmarks start hundreds of processes: none compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test soak proof nightly matrix audit lint format bench bench-full docs pictures screenshots \
  dashboards previews rules stack-check lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

.venv/.ready: pyproject.toml requirements/dev.txt requirements/bootstrap.txt
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(RUN) pip install --quiet --disable-pip-version-check -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/uv pip install --quiet --compile-bytecode \
	  -r requirements/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/uv pip install --quiet --no-deps -e .
	@touch $@

tests/frontend/node_modules/.ready: tests/frontend/package.json
	@if command -v npm >/dev/null; then npm install --prefix tests/frontend --silent \
	  --no-package-lock --no-audit --no-fund && touch $@; \
	else echo "npm is missing: the front-end test is skipped"; fi

demo: .venv/.ready ## Run the shop with real traffic; SECONDS=20 ends by itself
	@.venv/bin/steadfastapi demo --port $(PORT) $(if $(SECONDS),--seconds $(SECONDS))

test: .venv/.ready tests/frontend/node_modules/.ready ## Run the tests (3 minutes at most)
	@$(RUN) pytest -n $(WORKERS) -m "not soak and not proof" $(ARGS)

soak: .venv/.ready ## Run the tests that take minutes
	@$(RUN) pytest -m soak --timeout 1800 $(ARGS)

proof: .venv/.ready tests/frontend/node_modules/.ready ## Run what tries servers, packages and applications
	@$(RUN) pytest -n $(WORKERS) -m proof --timeout 600 $(ARGS)

nightly: .venv/.ready ## Check the figures of thirty days against a backfilled Prometheus
	@$(RUN) pytest -m soak --timeout 1800 tests/prometheus

matrix: .venv/.ready ## Run the tests on every supported Python and FastAPI
	@.venv/bin/python tests/matrix.py --pythons '$(PYTHONS)' \
	  --fastapis '$(FASTAPI_VERSIONS)' --tests '$(MATRIX)' -n $(WORKERS) $(ARGS)

audit: .venv/.ready ## Ask the advisory database about every pinned package (needs network)
	@.venv/bin/uv tool run pip-audit==2.10.1 --strict --no-deps --disable-pip \
	  -r requirements/dev.txt

lint: .venv/.ready ## Check style, types and docstrings
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

format: .venv/.ready ## Put the code in shape
	@$(RUN) ruff check --fix-only --exit-zero .
	@$(RUN) ruff format .

# Of their own: some of the peers are plugins of pytest and pydantic.
.venvs/bench/.ready: .venv/.ready requirements/peers.txt
	@test -x .venvs/bench/bin/python || .venv/bin/python -m venv --without-pip .venvs/bench
	@.venv/bin/uv pip install --quiet --compile-bytecode \
	  --python .venvs/bench/bin/python -r requirements/peers.txt
	@.venv/bin/uv pip install --quiet --no-deps --python .venvs/bench/bin/python -e .
	@touch $@

bench: .venvs/bench/.ready ## Measure the overhead (3 minutes at most)
	@.venvs/bench/bin/python -m benchmarks $(ARGS)

bench-full: .venvs/bench/.ready ## Measure everything (an hour)
	@.venvs/bench/bin/python -m benchmarks --full $(ARGS)

docs: .venv/.ready ## Write the reference pages from the code
	@.venv/bin/python docs/generate.py

pictures: .venv/.ready ## Draw the pictures of the docs
	@.venv/bin/python docs/pictures.py

screenshots: .venv/.ready tests/frontend/node_modules/.ready ## Take the pictures of the console
	@.venv/bin/python docs/screenshots.py

dashboards: .venv/.ready ## Write the Grafana dashboards, for both namings of the metrics
	@.venv/bin/steadfastapi dashboards --out grafana/dashboards/default
	@.venv/bin/steadfastapi dashboards --names otel --out grafana/dashboards/otel

previews: .venv/.ready ## Draw the dashboards from live data (Prometheus, Redis, node, Chromium)
	@.venv/bin/python docs/previews.py

rules: .venv/.ready ## Write the Prometheus rules of the shop, for both namings
	@.venv/bin/steadfastapi rules --slo examples/shop/slo.yml --out prometheus \
	  --dashboards http://127.0.0.1:3000
	@.venv/bin/steadfastapi rules --slo examples/shop/slo.yml --out prometheus/otel \
	  --names otel --dashboards http://127.0.0.1:3000

stack-check: ## Start the local stack with Docker and ask Grafana for everything
	@grafana/smoke.sh $(ARGS)

lock: .venv/.ready ## Pin the newest allowed versions again
	@.venv/bin/uv pip compile --quiet --upgrade --no-header --no-annotate --universal \
	  --python-version 3.11 --group dev --extra demo --extra postgres --extra redis \
	  --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements/dev.txt
	@.venv/bin/uv pip compile --quiet --upgrade --no-header --no-annotate --universal \
	  --python-version 3.11 --group peers -c requirements/dev.txt --no-emit-index-url \
	  --no-emit-find-links pyproject.toml -o requirements/peers.txt

clean: ## Remove environments and caches
	@rm -rf .venv .venvs build .mypy_cache .pytest_cache .ruff_cache .hypothesis node_modules
