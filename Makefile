# onemq: what to do with a fresh clone. `make serve` is enough to try it; ARGS are passed on: make serve ARGS="--amqp-port 0"

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
SOURCES := $(shell find src -name '*.py') setup.py pyproject.toml
ARGS ?=
SEED ?=
SECONDS ?=
say = @printf '\033[1m==> %s\033[0m\n' $(1)

# The sources win over the installed package where they are on the path.
INTERPRETED := PYTHONPATH=src
FAST_TESTS := tests/conformance tests/unit
# What shares a broker stays together. One more than the two processors this is measured for: most tests wait for other processes, some
# for minutes in all. In their own order, not files of many tests first: the long tests are in files of few, and one of those at the
# end would have the others wait.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder
ALL_TESTS := tests
# Where this is set, every process that a test starts would compile what it imports, and each of those side by side all tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test sim check bench compiled clean format example docs

serve: $(STAMPS)/compiled
	@exec $(BIN)/onemq serve $(ARGS)

# Everything: the fast tests interpreted, then all tests over the compiled build.
test: $(STAMPS)/dev $(STAMPS)/compiled $(STAMPS)/clients $(STAMPS)/docs
	$(call say,"fast tests over the sources (interpreted)")
	$(INTERPRETED) $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(FAST_TESTS)
	$(call say,"all tests over the compiled build")
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ALL_TESTS)

# The simulation alone: make sim SECONDS=600, or one seed again: make sim SEED=1700000000123
sim: $(STAMPS)/dev $(STAMPS)/compiled $(STAMPS)/clients
	ONEMQ_SIM_SEED=$(SEED) ONEMQ_SIM_SECONDS=$(or $(SECONDS),60) $(BIN)/python -m pytest -n 2 tests/simulation -k "$(if $(SEED),asked_for,new_seeds)"

check: $(STAMPS)/dev $(STAMPS)/clients $(STAMPS)/docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(INTERPRETED) $(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	$(INTERPRETED) $(BIN)/python -m pytest -n 2 -m "not slow" tests/unit

format: $(STAMPS)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# One of examples/, against a broker that runs: make example NAME=order_processing
example: $(STAMPS)/clients $(STAMPS)/examples
	@exec $(BIN)/python -m examples.$(NAME) $(ARGS)

# The guide, into build/site. A broken link fails.
docs: $(STAMPS)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "the guide is in build/site/index.html"

bench: $(STAMPS)/compiled $(STAMPS)/clients $(STAMPS)/bench
	$(BIN)/python bench/run.py $(ARGS)

compiled: $(STAMPS)/compiled

clean:
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# Stamps: a second call does only what has changed. --------------------------------------------------------------

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "onemq needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	$(call say,"making a virtual environment in $(VENV)")
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

# What the broker needs to run, and what compiles it.
$(STAMPS)/runtime: $(STAMPS)/venv pyproject.toml
	$(call say,"installing what onemq needs to run and to be compiled")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group build
	@$(BIN)/python -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))' > $(STAMPS)/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(STAMPS)/requirements.txt
	@touch $@

$(STAMPS)/dev: $(STAMPS)/runtime
	$(call say,"installing the tools for development")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

$(STAMPS)/clients: $(STAMPS)/runtime
	$(call say,"installing client libraries for the acceptance tests and the examples")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group clients --group examples
	@touch $@

# What examples with a part in Node need; those without do without Node.
$(STAMPS)/examples: $(STAMPS)/venv examples/package.json
	@if command -v npm >/dev/null; then cd examples && npm install --silent --no-package-lock --no-audit --no-fund; \
	  else echo "npm is not installed: examples with a part in Node will not run" >&2; fi
	@touch $@

$(STAMPS)/docs: $(STAMPS)/runtime
	$(call say,"installing what builds the guide")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

$(STAMPS)/bench: $(STAMPS)/runtime
	$(call say,"installing what the benchmark compares with")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	@touch $@

$(STAMPS)/compiled: $(STAMPS)/runtime $(SOURCES)
	$(call say,"compiling onemq into $(VENV) (some two minutes)")
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --force-reinstall .
	@touch $@
