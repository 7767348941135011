# The verbs that people and the checks use. Each makes what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

# of the random examples of make fuzz: printed with its command, so that a run can be repeated
SEED := $(or $(SEED),$(shell od -An -N3 -tu4 /dev/urandom | tr -d ' '))

# of the chain from a list of URLs to a server
LIST     ?=
DB       ?= imagefinder.db
NAME     ?= trained
# further options of each command
DOWNLOAD ?=
ADD      ?=
SERVE    ?=
FOLDER   := $(or $(PICTURES),pictures)

.PHONY: help demo serve download database run-api run-api-prod train docker test lint unit fuzz attack docs notebooks \
    install-check client-tools benchmark train-encoder lock clean

help:
	@echo "make demo       install into $(VENV), draw a gallery and search it"
	@echo "make serve      the same, then the page at http://127.0.0.1:8000"
	@echo "make run-api-prod LIST=list.csv [PICTURES=pictures] [DB=imagefinder.db]"
	@echo "                  [DOWNLOAD=--allow-private] [ADD='--local sift'] [SERVE=--writable]"
	@echo "                the next three in their order, with further options of each command"
	@echo "make download   the pictures that the list names, into the folder PICTURES"
	@echo "make database   a catalogue of that folder, or what is new in it"
	@echo "make run-api    answer searches of it at http://127.0.0.1:8000"
	@echo "make train [PICTURES=pictures] [NAME=trained] [TRAIN='--objective labels']"
	@echo "                an encoder that has learnt from that folder, as a folder of its own"
	@echo "make docker     the server as an image for containers (see compose.yaml)"
	@echo "make test       every check: style, types, layers, tests"
	@echo "make docs       the documentation as a site in docs/_build/html, and a man page; a dead link is an error"
	@echo "make fuzz       the property tests with random examples, many more than in make test;"
	@echo "                make fuzz SEED=NUMBER repeats a run"
	@echo "make attack     a server of its own under attack, for a minute: its health must be answered, its"
	@echo "                memory stay bounded, and no answer be a 500"
	@echo "make notebooks  run the notebooks, and keep what they show"
	@echo "make install-check"
	@echo "                whether what people install is whole, and no more than is needed"
	@echo "make client-tools"
	@echo "                generators of clients for the tests, Python's and npm's, and Azurite"
	@echo "make benchmark  speed and memory of taking pictures in (needs IMAGEFINDER_TEST_ASSETS)"
	@echo "make train-encoder PICTURES=… TEACHERS=… [RUN=--run]"
	@echo "                what making the package's encoder anew would take; with RUN, do it"
	@echo "make lock       renew constraints.txt from the newest versions"
	@echo "make clean      remove what these made"

demo: $(VENV)/base
	$(BIN)/imagefinder demo

serve: $(VENV)/base
	$(BIN)/imagefinder demo --serve

download: $(VENV)/base
	$(if $(LIST),,$(error say which list of URLs: make $@ LIST=list.csv))
	$(BIN)/imagefinder download '$(LIST)' --output '$(FOLDER)' $(DOWNLOAD)

database: $(VENV)/base
	$(BIN)/imagefinder add '$(FOLDER)' --db '$(DB)' $(ADD)

run-api: $(VENV)/base
	$(BIN)/imagefinder serve --db '$(DB)' $(SERVE)

run-api-prod:
	$(MAKE) download
	$(MAKE) database
	$(MAKE) run-api

train: $(VENV)/train
	$(BIN)/imagefinder train '$(FOLDER)' --out '$(NAME)' $(TRAIN)

docker:
	docker build --tag imagefinder .

test: lint unit

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# compiled beforehand, for the hundreds of programs that tests start
unit: $(VENV)/dev
	$(BIN)/python -m compileall -q src
	$(BIN)/pytest --numprocesses auto --dist worksteal

fuzz: $(VENV)/dev
	$(BIN)/pytest --numprocesses auto --dist worksteal -m hypothesis \
	    --hypothesis-profile fuzz --hypothesis-seed $(SEED)

attack: $(VENV)/dev
	$(BIN)/python -m tests.attack

docs: $(VENV)/docs
	$(BIN)/sphinx-build -W --keep-going -n -q docs docs/_build/html
	$(BIN)/sphinx-build -q -b man docs docs/_build/man
	@echo "open docs/_build/html/index.html, or man docs/_build/man/imagefinder.1"

notebooks: $(VENV)/dev
	$(BIN)/python notebooks/execute.py notebooks/*.ipynb

install-check: $(VENV)/dev
	$(BIN)/pytest -m install tests/container

# an environment of its own, for the generator does not take every version of typer
client-tools: tests/e2e/generated/package.json
	$(PYTHON) -m venv .client-tools
	.client-tools/bin/pip install --quiet 'openapi-python-client==0.29.1'
	cp tests/e2e/generated/package.json .client-tools
	! command -v npm >/dev/null || npm install --prefix .client-tools --silent --no-audit --no-fund

benchmark: $(VENV)/dev
	$(BIN)/python -m benchmarks.ingest --tenfold

train-encoder: $(VENV)/dev
	$(BIN)/python -m distillation distillation/compact.toml --images '$(PICTURES)' \
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

$(VENV)/docs: $(VENV)/base
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

$(VENV)/train: $(VENV)/base
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train]'
	touch $@

clean:
	rm -rf $(VENV) .client-tools imagefinder-demo build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis
