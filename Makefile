# What people and CI call. Everything is installed into .venv, once, and again when pyproject.toml changes.

VENV ?= .venv
HOST ?= 127.0.0.1
PORT ?= 8000
ARGS ?=

# The servers that `make bench` compares with, beside those that the project depends on anyway.
PEERS := channels channels_redis daphne Django granian httptools hypercorn starlette uvicorn zttp
# Those that `make matrix` asks, on top of them.
MATRIX_PEERS := waitress

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
IS_NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'

ifeq ($(origin PYTHON),undefined)
PYTHON = $(shell for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$each $(IS_NEW_ENOUGH) >/dev/null 2>&1; then echo $$each; break; fi; done)
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST)
	@echo "Variables: PYTHON (3.11 or newer), VENV=$(VENV), PORT=$(PORT), ARGS (for pytest and the benchmark)"

.PHONY: demo
demo: $(VENV)/.stamp-demo  ## serve the Flask demo with its WebSockets on http://127.0.0.1:8000
	$(BIN)/hybrid serve --host $(HOST) --port $(PORT) demo_flask.wsgi:app

.PHONY: demo-django
demo-django: $(VENV)/.stamp-demo-django  ## serve the Django demo, on both lanes, on http://127.0.0.1:8000
	$(BIN)/python demo_django/manage.py migrate --verbosity 0
	$(BIN)/python demo_django/manage.py demo_data
	$(BIN)/hybrid serve --host $(HOST) --port $(PORT) --django demo_django.settings

.PHONY: test
test: $(VENV)/.stamp-test  ## run the tests (ARGS="-k name" for some of them)
	$(BIN)/python -m pytest $(ARGS)

.PHONY: test-again
test-again:  ## run what failed in the last `make test` again, one after the other; the first that fails again ends it
	$(BIN)/python -m pytest -v --last-failed --last-failed-no-failures=none --maxfail=1 $(ARGS)

.PHONY: pythons
pythons: $(VENV)/.stamp-venv  ## run the tests on each other supported Python that is installed
	@.ci/pythons

.PHONY: coverage
coverage: $(VENV)/.stamp-test  ## run the tests with branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

.PHONY: check
check: check-lint check-format check-mypy check-pyright check-imports  ## lint, formatting, types, import directions

.PHONY: check-lint check-format check-mypy check-pyright check-imports
check-lint check-format check-mypy check-pyright check-imports: $(VENV)/.stamp-dev
check-lint:
	$(BIN)/ruff check
check-format:
	$(BIN)/ruff format --check
check-mypy:
	$(BIN)/mypy
check-pyright:
	$(BIN)/pyright --pythonpath $(BIN)/python
check-imports:
	$(BIN)/lint-imports

.PHONY: bench
bench: $(VENV)/.stamp-bench  ## compare with other servers on this machine
	$(BIN)/python benchmarks/run.py $(ARGS)

.PHONY: audit-bench
audit-bench: $(VENV)/.stamp-dev  ## audit the planted projects, and print what was found beside other tools
	$(BIN)/python -m benchmarks.audit

.PHONY: matrix
matrix: $(VENV)/.stamp-matrix  ## ask WSGI servers about PEP 3333 and write docs/wsgi.md
	$(BIN)/python -m benchmarks.wsgi_matrix --write

.PHONY: conformance
conformance: $(VENV)/.stamp-test  ## put Autobahn's WebSocket cases to the server (ARGS="--cases 6.* 7.*" for some)
	@$(BIN)/python -m tests.autobahn --environment $(abspath $(VENV))-autobahn $(ARGS)

.PHONY: settings
settings: $(VENV)/.stamp-test  ## write the tables of settings in docs/ from the settings
	$(BIN)/python -m tests.support.settings_pages

.PHONY: differences
differences: $(VENV)/.stamp-test  ## write docs/django-differences.md from its table (ARGS=--show asks the servers)
	$(BIN)/python -m tests.adapters.django.alike $(ARGS)

.PHONY: docs
docs: $(VENV)/.stamp-docs  ## build the site of the documents into build/docs, and check all links
	$(BIN)/python -m tests.support.links
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	$(BIN)/python -m tests.support.site.check build/docs

.PHONY: release-check
release-check: $(VENV)/.stamp-dev  ## build a release in dist/, and try it in new environments of each Python; no upload
	$(BIN)/python -m tests.release $(ARGS)

.PHONY: clean
clean:  ## remove what these targets made
	rm -rf $(VENV) $(VENV)-python* $(VENV)-autobahn* build dist src/*.egg-info .coverage .coverage.* htmlcov
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.stamp-venv:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed and none is on PATH; install it," \
		"or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" $(IS_NEW_ENOUGH) || { echo "make: PYTHON=$(PYTHON) is missing or older than 3.11" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { echo "make: cannot create $(VENV); on Debian and Ubuntu the package" \
		"python3-venv is needed" >&2; exit 1; }
	@touch $@

$(VENV)/.stamp-bench: pyproject.toml Makefile $(VENV)/.stamp-venv
	$(PIP) install --quiet --upgrade -e '.[demo,redis]' $(PEERS)
	@touch $@

$(VENV)/.stamp-matrix: $(VENV)/.stamp-bench
	$(PIP) install --quiet --upgrade $(MATRIX_PEERS)
	@touch $@

$(VENV)/.stamp-%: pyproject.toml $(VENV)/.stamp-venv
	$(PIP) install --quiet -e '.[$*]'
	@touch $@
