# Each target makes the environment that it needs when it is missing or older than its description.
# Only Python >= 3.11, make and git are expected on the machine.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# -qq: errors only.
PIP := -m pip --disable-pip-version-check -qq
LOCK := $(wildcard lock/*.txt)
DESCRIPTION := pyproject.toml $(LOCK)

# Each environment contains the ones before it; what is only compared with, and the tools of the lock, have their own.
DEMO := $(VENV)/.stamp-demo
TEST := $(VENV)/.stamp-test
FULL := $(VENV)/.stamp-docs
TORTURE := $(VENV)/.stamp-torture
BENCH := $(VENV)-bench/.stamp-bench
TOOLS := $(VENV)-tools/.stamp-tools

# Else every process that a test starts compiles all of the source again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test torture check lint format types imports tables docs bench audit lock venv venv-full clean

help:
	@echo "make demo       the whole story in the terminal"
	@echo "make test       every test"
	@echo "make torture    the long proofs: 100,000 simulated schedules, 1,200 workers killed, half an hour of cuts,"
	@echo "                a million odd messages, attacks at full size, the verdicts on 40 examples"
	@echo "make check      every gate: lint, types, imports, test, docs"
	@echo "make audit      ask whether faults of the locked versions are published; needs a network"
	@echo "make lock       write lock/ anew after a change of pyproject.toml; LOCK_ARGS=--upgrade takes the newest"
	@echo "make lint | types | imports | docs | bench    one of them"
	@echo "make format     rewrite the code in the one format"
	@echo "make tables     write the generated tables and the picture of docs/ anew after a change of the code"
	@echo "make venv-full  only make .venv with everything in it"
	@echo "make clean      remove what was made, .venv included"

demo: $(DEMO)
	@$(BIN)/exitbrain demo

# Five at once on two cores: many tests wait for servers. tests/conftest.py says who takes what, and in which order.
test: $(TEST)
	$(BIN)/python -m pytest -n 5 $(PYTEST_ARGS)

# The seed is printed; TORTURE_ARGS="--seed N" makes the same choices again. The simulation is the same every time.
torture: $(TORTURE)
	$(BIN)/python -m tests.faults.simulation --seeds 0:100000 --processes 2
	$(BIN)/python -m tests.faults.processes --kills 1000 --store sqlite $(TORTURE_ARGS)
	$(BIN)/python -m tests.faults.processes --kills 200 --store postgresql $(TORTURE_ARGS)
	$(BIN)/python -m tests.faults.soak --minutes 30 $(TORTURE_ARGS)
	$(BIN)/python -m tests.faults.fuzz_intake --inputs 1000000 $(TORTURE_ARGS)
	$(BIN)/python -m tests.attacks.full_size_big_entries
	$(BIN)/python -m tests.attacks.full_size_files
	$(BIN)/python -m tests.attacks.full_size_names
	$(BIN)/python -m tests.integration.example_verdicts

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

tables: $(TEST)
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/picture.py

docs: $(FULL)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

bench: $(BENCH)
	$(VENV)-bench/bin/python -m benchmarks $(BENCH_ARGS)

# Together these have every layer. --strict: what could not be asked about is no pass.
audit: $(TOOLS)
	@$(VENV)-tools/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes \
		-r lock/docs.txt -r lock/bench.txt -r lock/torture.txt -r lock/tools.txt 2>$(VENV)-tools/audit.log || { \
		tail -n 1 $(VENV)-tools/audit.log >&2; \
		echo "A fault of a locked version is published, or the index that knows them could not be asked; all of it is in $(VENV)-tools/audit.log" >&2; exit 1; }

lock: $(TOOLS)
	$(VENV)-tools/bin/python -m tests.supply.renew $(LOCK_ARGS)

venv: $(TEST)

venv-full: $(FULL)

clean:
	rm -rf $(VENV) $(VENV)-bench $(VENV)-tools site build dist *.egg-info exitbrain-demo exitbrain-demo-[0-9]* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find domain application infrastructure src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# $(1): the environment, $(2): the layer of the lock. pip takes no hash of a folder, so ExitBrain itself comes after, alone:
# the lock is whole, so nothing is left to fetch.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "ExitBrain needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(1)/bin/python -c '' 2>/dev/null || { echo "Making $(1)"; $(PYTHON) -m venv --clear $(1); } || { \
		echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu the package python3-venv provides it." >&2; exit 1; }
	@echo "Installing lock/$(2).txt"
	@$(1)/bin/python $(PIP) install --require-hashes -r lock/$(2).txt
endef

define exitbrain
	$(call environment,$(1),$(2))
	@$(1)/bin/python $(PIP) install --require-hashes -r lock/build.txt
	@$(1)/bin/python $(PIP) install --no-deps --no-build-isolation -e .
endef

$(DEMO): $(DESCRIPTION)
	$(call exitbrain,$(VENV),demo)
	@touch $(DEMO)

$(TEST): $(DESCRIPTION)
	$(call exitbrain,$(VENV),test)
	@touch $(DEMO) $(TEST)

$(FULL): $(DESCRIPTION)
	$(call exitbrain,$(VENV),docs)
	@touch $(DEMO) $(TEST) $(FULL)

$(TORTURE): $(DESCRIPTION)
	$(call exitbrain,$(VENV),torture)
	@touch $(DEMO) $(TEST) $(TORTURE)

$(BENCH): $(DESCRIPTION)
	$(call exitbrain,$(VENV)-bench,bench)
	@touch $(BENCH)

$(TOOLS): lock/tools.txt
	$(call environment,$(VENV)-tools,tools)
	@touch $(TOOLS)
