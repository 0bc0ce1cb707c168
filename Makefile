# One door to everything. The first target that needs it makes the virtual
# environment in .venv; nothing has to be installed by hand but python3 and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo install format lint type imports test docs look pictures cookbook notebooks chat chat-test bench compare instructions campaign batch records fuzz matrix check clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[testing,langchain]" --group dev
	@touch $@

# The demo needs a fifth of what the other targets do.
$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[testing,langchain]"
	@touch $@

install: $(READY)  ## make the virtual environment in .venv

demo: $(VENV)/.demo  ## an agent loop with thinking, tools and streaming
	$(BIN)/python cookbook/demo.py

format: $(READY)  ## let ruff format and mend the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY)  ## style and formatting
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: $(READY)  ## mypy, strict
	$(BIN)/mypy

imports: $(READY)  ## the house's import contracts
	$(BIN)/lint-imports --no-cache

test: $(READY)  ## the whole test suite, offline
	$(BIN)/python -m pytest

docs: $(READY)  ## build the documentation without warnings and dead links
	$(BIN)/python -m zensical build --clean --strict
	rm -r site/langchain  # for LangChain's site, not for this one
	tar --exclude=__pycache__ -cf - cookbook | tar -xf - -C site
	$(BIN)/python .ci/links.py site

look: docs  ## open every page in Chromium, wide and narrow; pictures in looks/
	$(BIN)/python -m pip install --quiet --group look
	$(BIN)/python .ci/look.py

pictures: $(READY)  ## draw the figures that the documentation shows
	PYTHONPATH=tests $(BIN)/python -m support.pictures

cookbook: $(READY)  ## run every cookbook script against the emulator
	@set -e; for script in cookbook/*.py; do \
	  echo "== $$script"; env -u MINIMAX_API_KEY $(BIN)/python $$script > /dev/null; done

notebooks: $(READY)  ## run every notebook of the cookbook and compare its outputs
	$(BIN)/python .ci/notebooks.py

CHAT := $(VENV)-chat
$(CHAT)/.ready: pyproject.toml
	$(PYTHON) -m venv $(CHAT)
	$(CHAT)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(CHAT)/bin/python -m pip install --quiet --editable ".[testing,langchain]" --group chat_app
	@touch $@

chat: $(CHAT)/.ready  ## a chat with an agent in your browser
	$(CHAT)/bin/python cookbook/chat_app/app.py

chat-test: $(CHAT)/.ready  ## drive that chat in headless Chromium; PICTURES=docs/assets rewrites the screenshots
	$(CHAT)/bin/python -m pip install --quiet --group chat_test
	CHAT_PICTURES=$(PICTURES) $(CHAT)/bin/python -m pytest cookbook/chat_app

FIGURES := tests/figures
bench: $(READY)  ## speed beside others; fails if a bar is missed or what should be linear is not
	$(BIN)/python -m pip install --quiet --group bench
	@missed=; bench() { echo "== $$1"; $(BIN)/python tests/benchmarks/"$$@" || missed="$$missed $$1"; }; \
	bench history.py; bench leaked_calls.py; bench tokens.py; bench replies.py; \
	bench speed.py --table $(FIGURES)/speed.md --everyone $(FIGURES)/speed_everyone.md; \
	bench crowds.py --table $(FIGURES)/crowds.md; \
	bench growth.py --table $(FIGURES)/growth.md --picture docs/assets/growth.svg; \
	bench shares.py --table $(FIGURES)/shares.md; \
	$(BIN)/python tests/test_docs.py --write; \
	PYTHONPATH=tests $(BIN)/python -m support.pictures; \
	test -z "$$missed" || { echo "missed:$$missed"; exit 1; }

compare: $(READY)  ## what each way to MiniMax makes of the same replies; rewrites tests/figures
	$(BIN)/python -m pip install --quiet --group compare
	$(BIN)/python tests/benchmarks/compared.py --table $(FIGURES)/compared.md
	$(BIN)/python tests/test_docs.py --write

instructions: $(READY)  ## count instructions with valgrind, where a stable number is wanted
	$(BIN)/python tests/benchmarks/instructions.py --table $(FIGURES)/instructions.md
	$(BIN)/python tests/test_docs.py --write

campaign: $(READY)  ## every fault, every byte, loads and lifetimes; rewrites tests/figures
	$(BIN)/python -m pip install --quiet --group figures
	PYTHONPATH=tests $(BIN)/python -m contract_tests.faults.report
	PYTHONPATH=tests $(BIN)/python -m contract_tests.faults.report --peers --share 7
	$(BIN)/python tests/benchmarks/every_byte.py --share 4 --to tests/figures/every_byte.md
	$(BIN)/python tests/benchmarks/load.py --table tests/figures/load.md --picture docs/assets/load.svg
	$(BIN)/python tests/benchmarks/lifetimes.py --table tests/figures/lifetimes.md --picture docs/assets/lifetimes.svg
	$(BIN)/python tests/test_docs.py --write
	PYTHONPATH=tests $(BIN)/python -m support.pictures

batch: $(READY)  ## records on two workers, one killed, then all: proves that nothing is lost
	$(BIN)/python -m pip install --quiet --group batch
	$(BIN)/python -m pytest --quiet tests/batch/test_run.py
	$(BIN)/python cookbook/batch/prove.py

records: $(READY)  ## the same with a hundred thousand; rewrites tests/figures/batch.md
	$(BIN)/python -m pip install --quiet --group batch
	$(BIN)/python cookbook/batch/prove.py --records 100000 --rate 40 --chunk 500 --places 16 \
	  --table tests/figures/batch.md --picture docs/assets/batch.svg
	$(BIN)/python tests/test_docs.py --write

MINUTES ?= 1
fuzz: $(READY)  ## let atheris loose on each target for MINUTES=1
	$(BIN)/python -m pip install --quiet --group fuzz
	@set -e; for target in events messages chat_completions think_tags leaked_calls errors; do \
	  $(BIN)/python tests/fuzzing/run.py $$target --minutes $(MINUTES); done

matrix:  ## the suite on every Python 3.10 to 3.13 found, and on the lowest versions
	$(PYTHON) .ci/matrix.py

check: lint type imports test docs cookbook notebooks batch chat-test  ## everything CI asks for

clean:  ## remove what the other targets made
	rm -rf .venv* site dist build .hypothesis .mypy_cache .ruff_cache
