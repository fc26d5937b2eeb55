# The commands of this repository. `make demo` and `make test` are the two of the README.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo first test lint check micro bench nightly docs clean

demo: $(VENV)/.core           ## set up, and watch a raw base model become an assistant
	$(BIN)/burnish demo

first: $(VENV)/.core          ## set up, make a small model and its data, fine-tune it, print before and after
	$(BIN)/python examples/make_base.py .work/first
	$(BIN)/burnish train .work/first/data.jsonl --model .work/first/base

test: $(VENV)/.test           ## set up and run every test but the nightly ones
	$(BIN)/python -m pytest

lint: $(VENV)/.dev            ## style, types, and the walls between the rooms
	$(BIN)/ruff check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

check: lint test

micro: $(VENV)/.core          ## make the smallest model of the embedded world from nothing
	$(BIN)/burnish world build --preset micro --out .work/micro

bench: $(VENV)/.test          ## the side-by-side runs of docs/performance.md (long; installs the peers)
	$(MAKE) -C benchmarks PYTHON=$(abspath $(BIN)/python)

nightly: $(VENV)/.test        ## the long demonstrations
	$(BIN)/python -m pytest -m nightly

docs: $(VENV)/.test           ## write docs/reference and docs/pitfalls.md anew from the code
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) .work

# torch goes in first and alone, pinned: a range would make pip fetch the newest build with its CUDA libraries.
$(VENV)/.core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) -e .
	touch $@

$(VENV)/.test: $(VENV)/.core
	$(PIP) -e ".[test]"
	touch $@

$(VENV)/.dev: $(VENV)/.test
	$(PIP) -e ".[test,dev]"
	touch $@
