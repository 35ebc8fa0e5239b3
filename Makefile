# One command sets everything up and runs the main job (`make run`), one sets up and passes the tests (`make test`).
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test lint wheel-test clean

run: $(VENV)/.installed
	$(BIN)/nvmsim run devices/tlc.yaml

test: $(VENV)/.tests-installed lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

lint: $(VENV)/.tests-installed
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

wheel-test:
	PYTHON=$(PYTHON) bash tools/check_wheel.sh

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/.tests-installed: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) dist build
