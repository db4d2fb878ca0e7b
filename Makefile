# The two commands a newcomer needs are `make demo` and `make test`; both do their own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: help demo test lint bench prove lock ui clean
help:
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

# Hash-checked install into our own environment; pip compiles the bytecode, without which importing dbt costs twice as much.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.ready-*; touch $@

demo: $(READY) ## a made-up Finland from register to published mart, in three to four minutes
	$(BIN)/kohde demo

test: $(READY) lint ## lint, types and every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY) ## ruff, mypy, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.lint_sql

bench: $(READY) ## time and memory of landing and building, see bench/results/national.json
	$(BIN)/python -m bench.national

prove: $(READY) ## some promises by many trials, hours; ONLY=stories runs one, SHARE=0.01 a hundredth (OF, INTO: of mutants)
	$(BIN)/python -m tests.prove $(if $(ONLY),--only $(ONLY)) $(if $(SHARE),--share $(SHARE)) \
		$(if $(OF),--of $(OF)) $(if $(INTO),--into $(INTO))

ui: $(READY) ## the Dagster UI on http://127.0.0.1:3000
	$(BIN)/kohde ui

lock: ## resolve pyproject.toml into requirements.lock (needs uv; the lock carries hashes and no address)
	uv pip compile pyproject.toml --extra dev --extra notebooks --extra postgres --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements.lock

clean: ## forget the environment and the demo's lake
	rm -rf $(VENV) lake dbt_project/target dbt_project/logs
