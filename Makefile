# `make help` lists the targets. Everything happens in $(VENV), which is made at need: Python 3.11 or newer is all it takes.

.DEFAULT_GOAL := help
VENV ?= .venv
# Empty: the first of these that is new enough.
PYTHON ?=
PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
OLDEST := 3.11
# Files are shared out over two processes, what shares a stack together and first (tests/conftest.py).
PARALLEL ?= -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.has-demo ## Start Keycloak, the sidecar and an inbox, ready to sign in (ARGS="--help" for the options)
	@$(VENV)/bin/passwordless demo $(ARGS)

# $(VENV)/.has-EXTRA: the package is installed with that extra of pyproject.toml, and since its last change.
$(VENV)/.has-%: pyproject.toml | $(VENV)/bin/pip
	@echo "Installing the package with its extra '$*' into $(VENV) (once, about a minute) ..."
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]' \
	  || { echo "Installing failed: mend what pip says above and run make again." >&2; exit 1; }
	@touch $@

$(VENV)/bin/pip:
	@for python in $(PYTHONS); do \
	  command -v "$$python" >/dev/null 2>&1 || continue; \
	  found="$$found $$python ($$("$$python" -V 2>&1));"; \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, "$(OLDEST)".split("."))))' 2>/dev/null || continue; \
	  "$$python" -c 'import venv, ensurepip' 2>/dev/null \
	    || { echo "$$python has no venv module: install it (Debian, Ubuntu: apt install python3-venv) and run make again." >&2; exit 1; }; \
	  echo "Making $(VENV) with $$python ..."; \
	  "$$python" -m venv "$(VENV)" && exit 0; \
	  echo "Making $(VENV) failed: delete the folder $(VENV) and run make again." >&2; exit 1; \
	done; \
	echo "Python $(OLDEST) or newer is needed, and found was:$${found:- none;} install one, or name it: make PYTHON=/path/to/python3" >&2; \
	exit 1

.PHONY: test
test: check programs ## The gate: checks, then every test, on a real Keycloak, Chromium, nginx and PostgreSQL (ARGS="-k name" for some)
	@$(VENV)/bin/python -m pytest $(PARALLEL) $(ARGS)

.PHONY: test-quick
test-quick: $(VENV)/.has-dev ## The tests that need no Keycloak and no browser, and kill nothing
	@$(VENV)/bin/python -m pytest $(PARALLEL) -m "not keycloak and not browser and not faults" $(ARGS)

.PHONY: test-matrix
test-matrix: $(VENV)/.has-dev programs ## The tests that need Keycloak on each supported version, and a table (ARGS="26.4.7 --json FILE")
	@$(VENV)/bin/python -m tests.matrix $(ARGS)

.PHONY: test-sdks
test-sdks: $(VENV)/.has-sdks programs ## The tests of existing SDKs, also those that are compiled first: Go, Java
	@$(VENV)/bin/python -m pytest $(PARALLEL) -m "keycloak or sdks" tests/sdks tests/e2e/test_sdk.py tests/e2e/test_browser_sdk.py $(ARGS)

.PHONY: check
check: $(VENV)/.has-dev ## Formatting, lint, types, import rules, and docs held to the code
	@$(VENV)/bin/ruff format --check --quiet . || { echo "Run: make format" >&2; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo >/dev/null 2>&1 || $(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/python -m pytest -q --no-header tests/docs

.PHONY: format
format: $(VENV)/.has-dev ## Format the code, and mend what lint can mend
	@$(VENV)/bin/ruff format --quiet .
	@$(VENV)/bin/ruff check --quiet --fix .

.PHONY: programs
programs:
	@tests/install-programs
