# The verbs that people and the checks use. Each makes what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help demo serve test lint unit notebooks benchmark train-encoder lock clean

help:
	@echo "make demo       install into $(VENV), draw a gallery and search it"
	@echo "make serve      the same, then answer searches at http://127.0.0.1:8000/docs"
	@echo "make test       every check: style, types, layers, tests"
	@echo "make notebooks  run the notebooks, and keep what they show"
	@echo "make benchmark  speed and memory of taking pictures in (needs IMAGEFINDER_TEST_ASSETS)"
	@echo "make train-encoder PICTURES=… TEACHERS=… [RUN=--run]"
	@echo "                what making the package's encoder anew would take; with RUN, do it"
	@echo "make lock       renew constraints.txt from the newest versions"
	@echo "make clean      remove what these made"

demo: $(VENV)/base
	$(BIN)/imagefinder demo

serve: $(VENV)/base
	$(BIN)/imagefinder demo --serve

test: lint unit

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/dev
	$(BIN)/pytest

notebooks: $(VENV)/dev
	$(BIN)/python notebooks/execute.py notebooks/*.ipynb

benchmark: $(VENV)/dev
	$(BIN)/python -m benchmarks.ingest --tenfold

# glibc gives large blocks back to the system at once; fetching them anew at every step would take
# a quarter of the time
train-encoder: $(VENV)/dev
	MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000 \
	$(BIN)/python -m imagefinder.training training/compact.toml --pictures '$(PICTURES)' \
	    --teachers '$(TEACHERS)' --output training-work/compact.onnx $(RUN)

lock:
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt
	rm -rf $(VENV)

$(VENV)/base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/dev: $(VENV)/base
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) imagefinder-demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
