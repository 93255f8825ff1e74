# `make demo` and `make test` are all a newcomer needs; both make the environment if it is missing.
PYTHON ?= python3
VENV ?= .venv
RESULTS ?= results/demo
BIN := $(VENV)/bin
EXTRAS := torch,studies,dev,torch-dev
NEST ?= .venv-nest
CUDA_VENV ?= .venv-cuda
GENN_VENV ?= .venv-genn
# the Python that was named, or else the one that Brian2CUDA or brian2genn needs
python_or = $(if $(filter file,$(origin PYTHON)),$(1),$(PYTHON))

CUDA_TESTS := tests/astrobrian/test_backends.py $(wildcard tests/astrobrian/test_cuda*.py) tests/studies/ratio/test_cuda_liquids.py
GENN_TESTS := tests/astrobrian/test_backends.py $(wildcard tests/astrobrian/test_genn*.py)
# the column of a backend in the table of docs/compatibility.md, as far as this machine can take a program
COLUMN := -m "slow or not slow" tests/studies/test_compatibility.py -k

.PHONY: demo test test-slow test-cuda test-genn cuda-env genn-env bench check docs clean

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

cuda-env: $(CUDA_VENV)/.installed  ## an environment for use_backend("cuda"), see docs/backends.md

$(CUDA_VENV)/.installed: pyproject.toml setup.cfg constraints.txt
	@$(call python_or,python3.12) -c 'import sys; sys.exit(sys.version_info < (3, 12))' || { echo "Brian2CUDA needs Python 3.12 or later; name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }
	$(call python_or,python3.12) -m venv $(CUDA_VENV)
	$(CUDA_VENV)/bin/python -m pip install --quiet --upgrade pip
	$(CUDA_VENV)/bin/python -m pip install --quiet -c constraints.txt -e ".[cuda,studies,dev]"
	touch $@

test-cuda: $(CUDA_VENV)/.installed  ## what only Brian2CUDA can be asked; programs are compiled where nvcc is, and run where a GPU is
	$(CUDA_VENV)/bin/pytest -n 2 --dist loadfile $(CUDA_TESTS)
	$(CUDA_VENV)/bin/pytest $(COLUMN) cuda

genn-env: $(GENN_VENV)/.installed  ## what GENN_PYTHON is to name for use_backend("genn"), see docs/backends.md

# pip doesn't know the last three: they are missing from the metadata of brian2genn and of the Brian2 that it needs
$(GENN_VENV)/.installed:
	@$(call python_or,python3.11) -c 'import sys; sys.exit(not (3, 9) <= sys.version_info < (3, 12))' || { echo "brian2genn needs Python 3.9 to 3.11; name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(call python_or,python3.11) -m venv $(GENN_VENV)
	$(GENN_VENV)/bin/python -m pip install --quiet brian2genn==1.7.0 brian2==2.5.4 "numpy<2" "cython<3.1" "setuptools<82"
	touch $@

test-genn: $(BIN)/.installed $(GENN_VENV)/.installed  ## what brian2genn makes of networks; compiled and run where GENN_PATH is set
	GENN_PYTHON=$(GENN_VENV)/bin/python $(BIN)/pytest -n 2 --dist loadfile $(GENN_TESTS)
	GENN_PYTHON=$(GENN_VENV)/bin/python $(BIN)/pytest $(COLUMN) genn

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
	rm -rf $(VENV) $(NEST) $(CUDA_VENV) $(GENN_VENV) results build docs/_build *.egg-info
