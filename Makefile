# Every command of daily work; `make` alone lists them.
# Works with GNU Make 3.81 and later, and needs only Python with venv and pip.

PYTHON ?= python3
VENV ?= .venv
T ?= tests
ARGS ?=
JOBS ?= auto
UPGRADE ?=
FULL ?=
PROFILE ?= ci

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
LOCAL := $(VENV)/.installed-local
DEV := $(VENV)/.installed-dev
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION = $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
COMPOSE = NIGHTSHIFT_VERSION=$(VERSION) NIGHTSHIFT_REVISION=$(REVISION) docker compose
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --generate-hashes \
	--python-version 3.11 --no-header --no-emit-package nightshift \
	$(if $(UPGRADE),--upgrade)
TEST_PACKAGES := chromium redis-server ffmpeg poppler-utils prometheus prometheus-alertmanager prometheus-redis-exporter postgresql faketime
# One that is there already may be newer than Debian's.
TEST_PACKAGES += $(if $(shell command -v kubectl 2>/dev/null),,kubernetes-client)

# What must not care whether Redis is one server, has Sentinels or is a Cluster.
TOPOLOGY_TESTS = tests/scripts tests/conformance \
	$(wildcard tests/integration/test_api_*.py tests/integration/test_scheduler_*.py) \
	$(patsubst %,tests/integration/test_%.py,completion_callbacks doctor drain_order \
		inspect lease_guard operator producer schedule_metrics task_analytics \
		task_cancel task_cleanup task_memory task_progress task_weekly_report \
		tasks_together tokens worker) \
	$(wildcard tests/processes/test_worker_*.py tests/processes/test_scheduler_*.py)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

##@ Start here
.PHONY: help setup demo up dev
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'Variables: PYTHON=python3.13  T=tests/unit  ARGS="-k word"  JOBS=2  UPGRADE=1 (lock)'

setup: $(DEV) ## Install all that development needs into .venv
	@echo "Ready: $(BIN)/nightshift --help"

demo: $(LOCAL) ## Start everything, do one job of each kind, keep serving (ARGS=--exit ends)
	@$(BIN)/nightshift demo $(ARGS)

up: $(LOCAL) ## Start everything on this machine until Ctrl-C
	@$(BIN)/nightshift up $(ARGS)

dev: $(LOCAL) ## The same, and restart what changes while you edit
	@$(BIN)/nightshift up --reload $(ARGS)

##@ Check
.PHONY: test test-slow test-topologies test-browser screenshots test-stateful test-all check fmt lint types imports spell bench
test: $(DEV) ## Run the tests that need no browser and no Docker
	@$(BIN)/python -m pytest -n $(JOBS) -m "not browser and not containers and not slow" $(T) $(ARGS)

test-slow: $(DEV) ## Run the suites that take minutes
	@$(BIN)/python -m pytest -n $(JOBS) -m "slow and not containers" --timeout 1800 $(T) $(ARGS)

test-browser: $(DEV) ## Drive the dashboard in Debian's Chromium
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m browser tests/browser $(ARGS)

screenshots: $(DEV) ## Take pictures of every page of the dashboard into docs/screenshots
	@$(BIN)/python -m tests.support.screenshots $(ARGS)

test-stateful: $(DEV) ## Try sequences of operations beside a model (PROFILE=dev|ci|nightly)
	@NIGHTSHIFT_STATEFUL=$(PROFILE) $(BIN)/python -m pytest -k for_long tests/stateful $(ARGS)

test-topologies: $(DEV) ## Run the tests on Sentinels and on a Cluster, lose servers
	@for topology in cluster sentinel; do \
		echo "On $$topology:"; \
		$(BIN)/python -m pytest -n $(JOBS) --topology $$topology --timeout 300 \
			-m "not browser and not containers and not slow" \
			$(TOPOLOGY_TESTS) $(ARGS) || exit 1; \
	done
	@$(BIN)/python -m pytest -n $(JOBS) tests/slow/test_failover.py $(ARGS)

test-all: $(DEV) ## Run all tests; one whose tool is missing is skipped and says so
	@$(BIN)/python -m pytest -n $(JOBS) $(T) $(ARGS)

check: lint types imports spell test ## Do all that CI does, but for the containers

fmt: $(DEV) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

lint: $(DEV) ## Check the format and ruff's rules
	@$(BIN)/ruff format --quiet --check . || { echo "Run 'make fmt'." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .

types: $(DEV) ## Check the types with mypy, strict
	@$(BIN)/mypy --no-error-summary

imports: $(DEV) ## Check who may import whom
	@$(BIN)/lint-imports > $(VENV)/imports.log 2>&1 || { \
		cat $(VENV)/imports.log >&2; exit 1; }

spell: $(DEV) ## Check the spelling
	@$(BIN)/codespell

bench: $(DEV) ## Measure beside stock Dramatiq: ratios within one run
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-backlog bench-peers
bench-backlog: $(DEV) ## Measure a million waiting and a million delayed jobs (ARGS=100000: fewer)
	@$(BIN)/python -m benchmarks.backlog $(ARGS)

bench-peers: $(DEV) ## Measure beside huey, Celery, RQ, taskiq and BullMQ (ARGS="JOBS ROUNDS")
	@$(BIN)/python -m benchmarks.beside $(ARGS)

.PHONY: bench-images
bench-images: $(DEV) ## Measure pictures beside npm's sharp, on one core
	@$(BIN)/python -m benchmarks.images

.PHONY: coverage
coverage: $(DEV) ## Tell which lines of contracts, jobs and broker no test has run
	@$(BIN)/python -m pytest -n $(JOBS) --cov --timeout 600 \
		-m "not browser and not containers and not slow" tests/unit tests/scripts \
		tests/conformance tests/stateful tests/integration $(ARGS)

##@ Containers
.PHONY: images sbom deploy-check compose-check compose-load-check dashboards
images: ## Build the images, the worker with and without ffmpeg
	@$(COMPOSE) build
	@docker build --quiet --file services/worker/Dockerfile \
		--tag nightshift-worker:$(VERSION) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$(REVISION) \
		$(if $(PYTHON_IMAGE),--build-arg PYTHON_IMAGE=$(PYTHON_IMAGE)) . > /dev/null

sbom: images ## List what the images are made of, as CycloneDX, in var/sbom
	@mkdir -p var/sbom
	@for name in api worker worker-media scheduler mail; do \
		docker run --rm --interactive --network none \
			nightshift-$$name:$(VERSION) python -I - \
			< deploy/images/sbom.py > var/sbom/nightshift-$$name.json || exit 1; \
	done
	@echo "Written: var/sbom/"

dashboards: $(DEV) ## Write the dashboards and Grafana's copy of the alerts anew
	@$(BIN)/python -m deploy.grafana.sources

deploy-check: $(DEV) ## Check all that deploys Nightshift, also in containers (FULL=1: under load)
	@$(BIN)/python -m pytest -n $(JOBS) -m "not containers and not slow" tests/deploy
	@if docker info > /dev/null 2>&1; then \
		$(MAKE) compose-check $(if $(FULL),compose-load-check); else \
		echo "!!! SKIPPED: the checks in containers, no Docker engine runs here."; fi

compose-check: $(DEV) ## Build, start and try the real containers, then remove them
	@docker info > /dev/null 2>&1 || { \
		echo "compose-check needs a running Docker engine." >&2; exit 1; }
	@NIGHTSHIFT_VERSION=$(VERSION) NIGHTSHIFT_REVISION=$(REVISION) \
		$(BIN)/python -m pytest -p no:randomly -m "containers and not slow" tests/deploy $(ARGS)

compose-load-check: $(DEV) ## Kill, restart, upgrade, back up and restore containers under load
	@NIGHTSHIFT_VERSION=$(VERSION) NIGHTSHIFT_REVISION=$(REVISION) \
		$(BIN)/python -m pytest -p no:randomly -m "containers and slow" tests/deploy $(ARGS)

##@ House-keeping
.PHONY: lock test-tools clean
lock: $(DEV) ## Rewrite requirements/ from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(LOCK) --extra local --group dev -o requirements/dev.txt
	@$(LOCK) --extra local --group build -c requirements/dev.txt -o requirements/local.txt
	@for service in api worker scheduler; do \
		$(LOCK) --extra $$service -c requirements/dev.txt \
			-o requirements/$$service.txt || exit 1; \
	done
	@$(LOCK) --extra otel --extra sentry -c requirements/dev.txt \
		-o requirements/observability.txt
	@$(subst compile pyproject.toml,compile --group mail,$(LOCK)) \
		-c requirements/dev.txt -o requirements/mail.txt
	@if grep -n '://' requirements/*.txt; then \
		echo "requirements/ must not name an index: remove these lines." >&2; exit 1; fi

test-tools: ## Install Debian packages that only tests use (needs root and apt)
	@if dpkg -s $(TEST_PACKAGES) > /dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing $(TEST_PACKAGES)"; mkdir -p var; \
		{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install \
			--yes --no-install-recommends $(TEST_PACKAGES); } > var/test-tools.log 2>&1 \
			|| { cat var/test-tools.log >&2; exit 1; }; \
	else \
		echo "SKIPPED: no root or no apt, so not installed: $(TEST_PACKAGES)"; fi

clean: ## Remove .venv, caches and local data
	@rm -rf $(VENV) var dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the targets above stand on. A stamp says which requirements are installed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Nightshift needs Python 3.11 or later, and '$(PYTHON)' is not one;" \
			"name a newer one: make PYTHON=python3.13 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
		echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu it comes with" \
			"'apt-get install python3-venv'." >&2; exit 1; }

$(LOCAL): requirements/local.txt pyproject.toml $(BIN)/python
	@echo "Installing Nightshift into $(VENV) (half a minute the first time)"
	@$(PIP) install --require-hashes -r requirements/local.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml $(BIN)/python
	@echo "Installing Nightshift and its development tools into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(LOCAL) $@
