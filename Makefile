# `make run` serves the site, `make test` tests it; both need nothing but Python, git and make. `make help` lists the rest.

PY := .venv/bin/python
PYTHON ?= python3.13 python3.12 python3.11 python3 python# the first of these that is 3.11 or newer makes .venv
PYTEST_ARGS ?= -n auto

# The lock files name every package and its hashes, and exactly these are installed: with a resolver, a requirement with an extra
# (coverage[toml]>=7) is an error in pip as soon as a newer release than the pinned one exists. uv does it in a fifth of pip's time. Where uv
# cannot be had, or does not reach the packages (it knows nothing of pip's settings), pip does. `pip check` then compares what the installed
# packages require with what is there. Python compiles what is imported when it first is: half of the packages' modules never are, and
# compiling all of them takes as long as the rest. $(1): the environment's Python, $(2): the lock file.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes
define install
@problem=$$({ $(1) $(PIP_INSTALL) --only-binary :all: --requirement requirements/uv.txt && \
    $(1) -m uv pip install --quiet --system-certs --python $(1) --no-deps --require-hashes --requirement $(2); } 2>&1) || { \
    echo "uv could not install $(2) ($$(echo "$$problem" | grep -v WARNING | tail -n 1)); pip does, which takes longer ..."; \
    $(1) $(PIP_INSTALL) --requirement $(2); }
@report=$$($(1) -m pip --disable-pip-version-check check) || { echo "$$report"; \
    echo "The packages of $(2) are installed, but the environment is inconsistent. To make a new one: make clean, then repeat"; exit 1; }
endef

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: .venv/installed ## serve the site on http://127.0.0.1:8000 (another port: make run PORT=8080)
	@exec $(PY) manage.py start $(START_ARGS)

test: .venv/installed-dev ## run all tests on SQLite, and on the PostgreSQL of TEST_DATABASE_URL where that is set
	@failed=0; \
	DATABASE_URL=sqlite:///db.sqlite3 $(PY) -m pytest $(PYTEST_ARGS) || failed=1; \
	if [ -z "$$TEST_DATABASE_URL" ]; then echo "TEST_DATABASE_URL is not set: nothing was tested on PostgreSQL"; \
	else echo "Once more, on PostgreSQL:"; DATABASE_URL="$$TEST_DATABASE_URL" $(PY) -m pytest -m "not once" $(PYTEST_ARGS) || [ $$? = 5 ] || failed=1; fi; \
	exit $$failed

lint: .venv/installed-dev ## check format, style, types, migrations and Django's system checks
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy .
	DATABASE_URL=sqlite://:memory: $(PY) manage.py makemigrations --check --dry-run
	DATABASE_URL=sqlite://:memory: $(PY) manage.py check

format: .venv/installed-dev ## format the code and apply ruff's fixes
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: .venv/installed ## measure the sync and the API beside the commit before (BASELINE=another); where TEST_DATABASE_URL is set the writes on PostgreSQL too
	$(PY) tools/bench/sync.py $(BASELINE)
	$(PY) tools/bench/samples.py

bench-api: .venv/installed ## measure /v1 beside OpenF1's own server; make bench-api BASELINE=7c742d4 also beside that commit
	$(PY) tools/bench/v1.py $(if $(BASELINE),--baseline $(BASELINE))

bench-pages: .venv/installed-dev ## measure the pages beside their goals
	$(PY) tools/bench/pages.py

bench-scale: .venv/installed ## measure answers, lists, the admin and commands at one, ten and fifty seasons, beside their goals
	$(PY) tools/bench/scale.py

load: .venv/installed ## load and fault tests: readers, edits, syncs and faults at the same time; takes some minutes
	$(PY) tools/bench/load.py

load-live: .venv/installed ## a live session with 500 viewers and 1,000 clients that read nothing
	$(PY) tools/bench/live.py

cluster: .venv/installed-dev ## the site on several machines, with faults, and how it scales (needs HAProxy, RabbitMQ, Redis, PostgreSQL; root for namespaces)
	$(PY) tools/bench/cluster.py

conformance: .venv/installed-dev tools/conformance/.venv/installed tools/conformance/node_modules/installed ## run published OpenF1 clients, the MCP inspector, and clients generated from the schema, against the site (needs Node.js)
	$(PY) tools/conformance/run.py

engines: .venv/installed .venv-engines/installed ## ask DuckDB, Polars, ClickHouse (chDB) and Spark about a dump and the sample files, beside REST (Spark needs Java)
	$(PY) tools/bench/engines.py $(ENGINES_ARGS)

fastf1: .venv-fastf1/installed ## install the FastF1 library, for merge_fastf1

axe: tools/axe/node_modules/installed ## install the accessibility checks that the tests of pages run (needs Node.js)

postman: .venv/installed ## write docs/postman_collection.json for a release; the site serves the current one at /api/postman.json
	DATABASE_URL=sqlite://:memory: $(PY) tools/newman/run.py --write docs/postman_collection.json

newman: .venv/installed tools/newman/node_modules/installed ## run the site's Postman collection against a site with the demo season (needs Node.js)
	$(PY) tools/newman/run.py

pictures: .venv/installed-dev ## take the pictures of the README and the docs anew, of the demo season (needs Chromium)
	$(PY) tools/pictures/take.py

up: ## run the site and its services in containers (needs Docker); passwords are made once and kept in .env
	@for name in POSTGRES_PASSWORD REDIS_PASSWORD RABBITMQ_PASSWORD; do \
	    grep -qs "^$$name=." .env || (umask 077; printf '\n%s=%s\n' "$$name" "$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >> .env); \
	done
	docker compose up --build --detach --wait
	@echo "The site is up. The login is in the log: docker compose logs web"

rehearse: .venv/installed ## do the steps of the Dockerfile and run its containers in an empty folder, without Docker
	$(PY) tools/container/rehearse.py

upgrade: .venv/installed-dev ## pin the newest versions that requirements/*.in allow, and tell what is newer than these
	@$(PY) tools/requirements/upgrade.py

install-lock: ## install one lock file: make install-lock PY=/path/to/python LOCK=requirements/dev.txt
	$(call install,$(PY),$(LOCK))

audit: .venv/installed-dev ## ask PyPI for known vulnerabilities of the requirements; says so where it cannot be asked
	@if ! $(PY) -c 'import urllib.request; urllib.request.urlopen("https://pypi.org/pypi/django/json", timeout=20)' 2>/dev/null; then \
	    echo "NOT AUDITED: PyPI does not answer from here"; exit; fi; \
	report=$$($(PY) -m pip_audit --disable-pip --require-hashes --requirement requirements.txt 2>&1); failed=$$?; \
	echo "$$report" | grep -v "could not be audited" || true; \
	unknown=$$(echo "$$report" | grep -c "could not be audited" || true); \
	[ "$$unknown" = 0 ] || echo "NOT AUDITED: $$unknown packages, about which PyPI answered nothing here"; \
	exit $$failed

clean: ## remove the environment and caches; the database, its media and the passwords stay
	rm -rf .venv .venv-fastf1 .venv-engines tools/conformance/.venv tools/conformance/node_modules tools/conformance/generated/build tools/newman/node_modules tools/axe/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run test lint format bench bench-api bench-pages bench-scale load load-live cluster conformance engines fastf1 axe postman newman pictures up rehearse upgrade install-lock audit clean

# The environment. An empty file marks it as installed, so that the next start does not call pip. When the Python behind .venv has been
# removed, the link $(PY) is broken and a new environment is made.

.venv/installed: requirements.txt $(PY)
	@echo "Installing the requirements into .venv, once ..."
	$(call install,$(PY),requirements.txt)
	@touch $@

.venv/installed-dev: requirements/dev.txt $(PY)
	@echo "Installing the requirements for development into .venv, once ..."
	$(call install,$(PY),requirements/dev.txt)
	@touch .venv/installed $@

# The OpenF1 clients have an environment of their own, so that their requirements cannot conflict with the site's.

tools/conformance/.venv/installed: requirements/conformance.txt .venv/installed
	@$(PY) -m venv --clear tools/conformance/.venv
	$(call install,tools/conformance/.venv/bin/python,requirements/conformance.txt)
	@touch $@

.venv-engines/installed: requirements/engines.txt .venv/installed
	@$(PY) -m venv --clear .venv-engines
	$(call install,.venv-engines/bin/python,requirements/engines.txt)
	@touch $@

# FastF1 needs an older pandas than the site.
.venv-fastf1/installed: requirements/fastf1.txt .venv/installed
	@$(PY) -m venv --clear .venv-fastf1
	$(call install,.venv-fastf1/bin/python,requirements/fastf1.txt)
	@touch $@

%/node_modules/installed: %/package-lock.json
	@cd $* && npm ci --silent --no-audit --no-fund
	@touch $@

$(PY):
	@for python in $(PYTHON); do \
	    if "$$python" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making .venv with $$("$$python" --version), $$(command -v "$$python")"; \
	        exec "$$python" -m venv --clear .venv; \
	    fi; \
	done; \
	echo "No Python of version 3.11 or newer with its venv module was found; tried: $(PYTHON)"; \
	echo "Install one (https://www.python.org/downloads/; on Debian and Ubuntu: apt install python3 python3-venv),"; \
	echo "or name one: make run PYTHON=/path/to/python3.12"; \
	exit 1
