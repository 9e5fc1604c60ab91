# Everything sets itself up on a fresh machine: Python 3.11+, Node 20+, make and git are enough.
.PHONY: demo test test-heavy lint bench docs conformance setup console clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

demo: setup console
	$(BIN)/pinnace demo $(ARGS)

test: setup console system
	scripts/test $(ARGS)

test-heavy: setup console system
	$(BIN)/pytest -q -m heavy $(ARGS)

lint: setup console
	$(BIN)/ruff check src tests scripts benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd console && npm run --silent check

bench: setup console
	$(BIN)/python -m benchmarks $(ARGS)

conformance: setup
	$(BIN)/python -m scripts.conformance $(ARGS)
	for family in training tuning pipelines pipeline_code kserve; do $(BIN)/python -m scripts.conformance.$$family || exit 1; done

docs: setup
	$(BIN)/python scripts/reference.py

setup: $(VENV)/.ready
$(VENV)/.ready: requirements-dev.lock pyproject.toml scripts/setup
	PYTHON=$(PYTHON) scripts/setup

.PHONY: system
system:
	scripts/system-packages

console: src/pinnace/console_dist/index.html
src/pinnace/console_dist/index.html: console/package-lock.json $(shell find console/src console/index.html console/vite.config.ts -type f 2>/dev/null)
	cd console && npm ci --no-audit --no-fund && npm run build

clean:
	rm -rf $(VENV) console/node_modules src/pinnace/console_dist
