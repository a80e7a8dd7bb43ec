# `make` alone lists what there is. Set-up happens by itself, the first time.
.DEFAULT_GOAL := help
.PHONY: help serve test test-all test-pythons check bench bench-counts bench-scale bench-marketplace bench-neighbours bench-pages messages clean vendor servers

PYTHON ?= python3
# The machine's own uv, else one that we put into a folder of the project.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
# Containers often forbid Python to keep what it has compiled; then each start of the program compiles all of it anew.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

serve: .venv/ready  ## run the sandbox on http://127.0.0.1:8000
	@$(RUN) emporion serve --sandbox

# A process more than there are cores, and four at most: each has a database server of its own.
PYTEST := $(RUN) pytest --numprocesses=auto --maxprocesses=4 --durations=20
test: .venv/ready servers  ## test every rule in a short form, in a few minutes; options: ARGS="-k ... -n 0"
	$(PYTEST) $(ARGS)

test-all: .venv/ready servers  ## test everything at full size
	$(PYTEST) --thorough $(ARGS)

test-pythons: .venv/ready servers  ## run the quick tests on every promised Python that is there; ARGS="-x -k isolation" for pytest
	@$(RUN) python -m tests.pythons $(UV) $(ARGS)

# Some tests need them, and they are no Python packages. PostgreSQL itself comes as one where the machine has none.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -n)
MISSING := $(foreach name,pgbouncer redis-server,$(if $(wildcard /usr/sbin/$(name) /usr/bin/$(name)),,$(name)))
# Either does; the first one, which Debian has, takes less than half the time.
MISSING += $(if $(wildcard /usr/bin/chromium-headless-shell /usr/bin/chromium),,chromium-headless-shell chromium)
servers:  # what cannot be installed is told by the tests
	@$(if $(strip $(MISSING)),echo "installing what tests need"; $(SUDO) apt-get -qq update >/dev/null 2>&1 && for name in $(MISSING); do \
	  [ $$name != chromium ] || ! command -v chromium-headless-shell >/dev/null || continue; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y $$name >/dev/null 2>&1 || true; done || true,:)

check: .venv/ready  ## lint, format, types and plain words
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	@$(RUN) python -m tests.plain_words

bench: .venv/ready  ## measure throughput beside its ceilings (needs wrk); on PostgreSQL: DATABASE=postgres, or its URL
	$(RUN) python -m bench $(if $(DATABASE),--database '$(DATABASE)') $(if $(WORKERS),--workers $(WORKERS))

bench-counts: .venv/ready  ## count instructions, SQL and system calls of requests, beside their rates (needs wrk, strace); STORES=
	$(RUN) python -m bench.counts $(if $(STORES),--stores $(STORES))

bench-scale: .venv/ready  ## measure among up to ten million customers (needs wrk, two hours and 40 GB); SIZES=, STORES=
	$(RUN) python -m bench.scale $(if $(SIZES),--sizes $(SIZES)) $(if $(STORES),--stores $(STORES))

bench-marketplace: .venv/ready  ## measure products, orders and subscriptions beside customers (needs wrk, 20 GB); ARGS="--orders 10000"
	$(RUN) python -m bench.marketplace $(ARGS)

bench-neighbours: .venv/ready  ## measure what one reseller's load does to another's requests (needs wrk)
	$(RUN) python -m bench.neighbours

bench-pages: .venv/ready  ## measure the first paint of each page with a thousand and with a million customers (needs Chromium)
	$(RUN) python -m bench.pages

CATALOGUES := src/emporion/web/locale
messages: .venv/ready  ## take new texts of the control panel into its catalogues
	$(RUN) pybabel -q extract -F $(CATALOGUES)/babel.cfg --project Emporion --add-location file --sort-by-file \
	  -o .venv/panel.pot $(dir $(CATALOGUES))
	for code in $$($(RUN) python -c 'from emporion.web.i18n import LANGUAGES; print(*LANGUAGES[1:])'); do \
	  $(RUN) pybabel -q update -i .venv/panel.pot -d $(CATALOGUES) -D panel -l $$code -w 120 --init-missing \
	  --ignore-obsolete --no-fuzzy-matching --ignore-pot-creation-date || exit; done

clean:  ## remove what was built; data files stay
	rm -rf .venv .uv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

SWAGGER_UI := 5.35.0
HTMX := 4.0.1
AXE := 4.14.1
vendor:  ## take the files of Swagger UI, htmx and axe-core anew from the npm registry
	npm pack --silent --pack-destination /tmp swagger-ui-dist@$(SWAGGER_UI)
	cd src/emporion/api/swagger && for file in swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css \
	  favicon-32x32.png LICENSE NOTICE; do \
	  tar -xzOf /tmp/swagger-ui-dist-$(SWAGGER_UI).tgz package/$$file | sed '/^\/[/*]# sourceMappingURL=/d' > $$file; done
	npm pack --silent --pack-destination /tmp htmx.org@$(HTMX)
	cd src/emporion/web/assets && tar -xzOf /tmp/htmx.org-$(HTMX).tgz package/LICENSE > htmx.LICENSE \
	  && tar -xzOf /tmp/htmx.org-$(HTMX).tgz package/dist/htmx.min.js | sed '/sourceMappingURL/d' > htmx.min.js
	npm pack --silent --pack-destination /tmp axe-core@$(AXE)
	cd tests/browser/axe && for file in axe.min.js LICENSE LICENSE-3RD-PARTY.txt; do \
	  tar -xzOf /tmp/axe-core-$(AXE).tgz package/$$file > $$file; done

# Debian's python3 has no ensurepip unless python3-venv is installed; then `pip --target` serves as well.
.uv/bin/uv:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version)" >&2; exit 1; }
	@echo "installing uv into .uv"
	@$(PYTHON) -m venv .uv >/dev/null 2>&1 && .uv/bin/pip install -q uv \
	  || { rm -rf .uv && $(PYTHON) -m pip install -q --target .uv uv; } \
	  || { echo "uv could not be installed: see https://docs.astral.sh/uv/ and run make again" >&2; rm -rf .uv; exit 1; }

.venv/ready: $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv) pyproject.toml uv.lock
	@UV_PYTHON_DOWNLOADS=never $(UV) sync --frozen --quiet --compile-bytecode
	@.venv/bin/python -m compileall -q src
	@touch $@
