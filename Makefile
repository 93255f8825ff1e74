# `make demo` and `make test` are all a newcomer needs; both make the environment if it is missing.
PYTHON ?= python3
VENV ?= .venv
RESULTS ?= results/demo
BIN := $(VENV)/bin
EXTRAS := torch,studies,dev
NEST ?= .venv-nest

.PHONY: demo test test-slow bench check docs clean

$(BIN)/.installed: pyproject.toml setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "AstroBrian needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

demo: $(BIN)/.installed  ## the main job, end to end: simulate, distil, train, generate
	$(BIN)/astrobrian demo --out $(RESULTS)

test: $(BIN)/.installed  ## everything that takes seconds
	$(BIN)/pytest -n 2 --dist loadfile

test-slow: $(BIN)/.installed  ## the tests that take minutes each
	$(BIN)/pytest -m slow

bench: $(BIN)/.installed $(NEST)/.tried  ## how fast it is, beside what; leave the machine alone meanwhile
	NEST_PYTHON=$(NEST)/bin/python $(BIN)/astrobrian bench

# NEST is asked in an environment of its own; where it can't be installed, its row is left out
$(NEST)/.tried:
	$(PYTHON) -m venv $(NEST)
	-$(NEST)/bin/python -m pip install --quiet nest-simulator==3.10.0 numpy
	touch $@

check: $(BIN)/.installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	$(BIN)/sphinx-build -W -q docs docs/_build

clean:
	rm -rf $(VENV) $(NEST) results build docs/_build *.egg-info
