# What a user or a contributor types. Needs make and python3 (3.11 or newer), nothing else.

VENV ?= .venv
PORT ?= 8000
PYTHON_BIN = $(VENV)/bin/python

# The bundled default hears sound. Another model may look at images or video, which takes two packages more.
comma := ,
SERVE = serve$(if $(MODEL),$(comma)vision)

.DEFAULT_GOAL := help
.PHONY: help serve classify train test test-slow test-ray lint format schema clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(VENV)/.$(SERVE) ## Start the HTTP service with the bundled model on 127.0.0.1:8000; PORT=9000 and MODEL=name for others
	@$(PYTHON_BIN) -m service --host 127.0.0.1 --port $(PORT) $(if $(MODEL),--model $(MODEL))

classify: $(if $(FILES),,missing-FILES) $(VENV)/.$(SERVE) ## Classify files and folders: FILES="song.wav music/", MODEL=name, options in ARGS="--top-k 1"
	@$(VENV)/bin/audiocnn classify $(if $(MODEL),--model $(MODEL)) $(FILES) $(ARGS)

train: $(if $(CONFIG),,missing-CONFIG) $(VENV)/.train,vision ## Train a model: CONFIG=config.toml DATA=folder, options in ARGS="--device cpu"
	$(PYTHON_BIN) -m training train $(CONFIG) $(if $(DATA),--data $(DATA)) $(ARGS)

test: ## Run every check and test in a fresh environment, as CI does
	rm -rf .venv-test
	@$(MAKE) --no-print-directory VENV=.venv-test lint
	.venv-test/bin/python -m pytest -n auto --dist loadfile

test-slow: $(VENV)/.dev ## Run the tests that take minutes
	$(PYTHON_BIN) -m pytest -m slow

test-ray: $(VENV)/.dev,ray ## Run the tests that need Ray, which is large and not part of the others' environment
	$(PYTHON_BIN) -m pytest -m ray

lint: $(VENV)/.dev ## Check style, types and the direction of imports
	$(PYTHON_BIN) -m ruff check .
	$(PYTHON_BIN) -m ruff format --check .
	$(PYTHON_BIN) -m mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev ## Rewrite the code in the project's style
	$(PYTHON_BIN) -m ruff check --fix .
	$(PYTHON_BIN) -m ruff format .

schema: $(VENV)/.dev ## Write docs/openapi.json and docs/schema anew from the code of the service
	$(PYTHON_BIN) -m service.contract docs

clean: ## Remove environments, caches and builds; runs/ and cache/ stay
	rm -rf .venv .venv-test build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# $(VENV)/.serve is there when the extra `serve` is installed, $(VENV)/.serve,vision when both are; it is made again when a version may have changed.
$(VENV)/.%: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "Installing audiocnn[$*] into $(VENV)"
	@$(PYTHON_BIN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@

$(VENV)/bin/pip:
	@.ci/make-venv $(VENV)

missing-FILES:
	@echo 'make: FILES is missing; type for example: make classify FILES="song.wav music/"' >&2; exit 2

missing-CONFIG:
	@echo 'make: CONFIG is missing; type for example: make train CONFIG=training/recipes/folders.toml DATA=my-clips' >&2; exit 2
