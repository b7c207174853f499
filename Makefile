# Each target makes the environment that it needs when it is missing or older than its description.
# Only Python >= 3.11, make and git are expected on the machine.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# -qq: errors only.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DESCRIPTION := pyproject.toml constraints.txt

DEMO_EXTRAS := demo
TEST_EXTRAS := postgres,lab,cluster,bench,embedded,dev
FULL_EXTRAS := $(TEST_EXTRAS),docs
TORTURE_EXTRAS := $(TEST_EXTRAS),torture

# Each environment contains the ones before it.
DEMO := $(VENV)/.stamp-demo
TEST := $(VENV)/.stamp-test
FULL := $(VENV)/.stamp-full
TORTURE := $(VENV)/.stamp-torture

.DEFAULT_GOAL := help
.PHONY: help demo test torture check lint format types imports docs bench venv venv-full clean

help:
	@echo "make demo       the whole story in the terminal"
	@echo "make test       every test"
	@echo "make torture    the long proofs: 100,000 simulated schedules, 1,200 workers killed, half an hour of cuts,"
	@echo "                a million odd messages"
	@echo "make check      every gate: lint, types, imports, test, docs"
	@echo "make lint | types | imports | docs | bench    one of them"
	@echo "make format     rewrite the code in the one format"
	@echo "make venv-full  only make .venv with everything in it"
	@echo "make clean      remove what was made, .venv included"

demo: $(DEMO)
	@$(BIN)/exitbrain demo

# Four at once on two cores: many tests wait for servers.
test: $(TEST)
	$(BIN)/python -m pytest -n 4 --dist loadfile $(PYTEST_ARGS)

# The seed is printed; TORTURE_ARGS="--seed N" makes the same choices again. The simulation is the same every time.
torture: $(TORTURE)
	$(BIN)/python -m tests.faults.simulation --seeds 0:100000 --processes 2
	$(BIN)/python -m tests.faults.processes --kills 1000 --store sqlite $(TORTURE_ARGS)
	$(BIN)/python -m tests.faults.processes --kills 200 --store postgresql $(TORTURE_ARGS)
	$(BIN)/python -m tests.faults.soak --minutes 30 $(TORTURE_ARGS)
	$(BIN)/python -m tests.faults.fuzz_intake --inputs 1000000 $(TORTURE_ARGS)

check: lint types imports test docs

lint: $(TEST)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(TEST)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(TEST)
	$(BIN)/mypy

imports: $(TEST)
	$(BIN)/lint-imports --no-logo

docs: $(FULL)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

bench: $(TEST)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

venv: $(TEST)

venv-full: $(FULL)

clean:
	rm -rf $(VENV) site build dist *.egg-info exitbrain-demo-report.html .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find domain application infrastructure src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# setuptools comes from the constraints too, so a build in this environment needs nothing else from the network.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "ExitBrain needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || { echo "Making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); } || { \
		echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu the package python3-venv provides it." >&2; exit 1; }
	@echo "Installing ExitBrain$(if $(1), with: $(1))"
	@$(PIP) install -c constraints.txt setuptools
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.$(if $(1),[$(1)])'
endef

$(DEMO): $(DESCRIPTION)
	$(call install,$(DEMO_EXTRAS))
	@touch $(DEMO)

$(TEST): $(DESCRIPTION)
	$(call install,$(TEST_EXTRAS))
	@touch $(DEMO) $(TEST)

$(FULL): $(DESCRIPTION)
	$(call install,$(FULL_EXTRAS))
	@touch $(DEMO) $(TEST) $(FULL)

$(TORTURE): $(DESCRIPTION)
	$(call install,$(TORTURE_EXTRAS))
	@touch $(DEMO) $(TEST) $(TORTURE)
