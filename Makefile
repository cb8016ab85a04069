# Everything is installed in .venv and nowhere else.
#
#   make demo      the main job on drawn flowers, from nothing to an accuracy
#   make test      all tests
#   make help      the rest

TENSORFLOW ?= tensorflow-gpu==1.15.0
VENV ?= .venv
RUN_NAME ?= momentum
DATASET_DIR ?= data/flowers

# Without a locale, Python 3.7 and pip stumble over letters beyond ASCII in a folder's name.
LC_CTYPE ?= C.UTF-8
export LC_CTYPE

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo dataset train evaluate tensorboard lint test soak bench clean

help:  ## list these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# A python3.7 that merely exists does not count: it has to run (a pyenv shim may refuse to).
define FIND_PYTHON
works() { "$$1" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 6), (3, 7)))' 2>/dev/null; }; \
if [ -n "$(PYTHON)" ]; then \
  works "$(PYTHON)" || { echo "PYTHON=$(PYTHON): not a Python 3.7 that runs." >&2; exit 1; }; \
  found="$(PYTHON)"; \
else \
  for candidate in python3.7 \
      "$$(pyenv root 2>/dev/null)"/versions/3.7*/bin/python \
      "$$(uv python find 3.7 2>/dev/null)" \
      python3.6 "$$(pyenv root 2>/dev/null)"/versions/3.6*/bin/python; do \
    if works "$$candidate"; then found="$$candidate"; break; fi; \
  done; \
fi; \
if [ -z "$$found" ]; then \
  echo "No Python 3.7 found, which TensorFlow 1.15 needs." >&2; \
  echo "Get one with 'uv python install 3.7' or 'pyenv install 3.7', or name yours: make PYTHON=/path/to/python3.7" >&2; \
  exit 1; \
fi
endef

install:  ## set up .venv (PYTHON=..., TENSORFLOW=intel-tensorflow==1.15.2)
	@[ "$$(cat $(INSTALLED) 2>/dev/null)" = "$(TENSORFLOW)" ] || rm -f $(INSTALLED)
	@"$(MAKE)" --no-print-directory $(INSTALLED)

$(INSTALLED): requirements.txt tests/requirements.txt
	@$(FIND_PYTHON); echo "$(TENSORFLOW) on $$found"; "$$found" -m venv --clear $(VENV)
	$(PIP) --upgrade pip wheel
	sed 's/^tensorflow-gpu==[^ ]*/$(TENSORFLOW)/' requirements.txt > $(VENV)/requirements.txt
	$(PIP) -r $(VENV)/requirements.txt -r tests/requirements.txt
	echo '$(TENSORFLOW)' > $@

demo: $(INSTALLED)  ## draw the sample, convert, train, evaluate: 2 minutes on 2 cores once installed
	$(PY) scripts/download_and_convert.py --sample --dataset_dir data/sample
	$(PY) scripts/train.py --flagfile scripts/recipes/demo.flags
	$(PY) scripts/evaluate.py --run_name demo --dataset_dir data/sample
	@echo "Checkpoints: runs/checkpoints/demo   Summaries: runs/summaries/demo"
	@echo "To look at them: make tensorboard   (or $(VENV)/bin/tensorboard --logdir runs/summaries)"

dataset: $(INSTALLED)  ## download and convert the real photos
	$(PY) scripts/download_and_convert.py --dataset_dir $(DATASET_DIR)

train: dataset  ## train on the real photos (hours on a CPU; RUN_NAME=, DATASET_DIR=)
	$(PY) scripts/train.py --optimizer momentum --batch_size 56 \
	    --run_name $(RUN_NAME) --dataset_dir $(DATASET_DIR)

evaluate: $(INSTALLED)  ## evaluate that run on the validation photos
	$(PY) scripts/evaluate.py --run_name $(RUN_NAME) --dataset_dir $(DATASET_DIR)

# By itself TensorBoard shows 10 of a run's images; 0 is all of them.
tensorboard: $(INSTALLED)  ## show all runs at http://localhost:6006, with every image
	$(PY) -m tensorboard.main --logdir runs/summaries --samples_per_plugin images=0

lint: $(INSTALLED)  ## check style and docstrings
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

test: $(INSTALLED)  ## run all tests
	$(PY) -m pytest tests

soak: $(INSTALLED)  ## make the long trials: killed processes, damaged files, long runs (an hour)
	$(PY) -m pytest tests -m soak --soak

bench: $(INSTALLED)  ## measure the speed (BENCH_FLAGS=--quick for a few minutes)
	$(PY) scripts/benchmark.py $(BENCH_FLAGS)

clean:  ## remove .venv and what Python left; datasets and runs stay
	rm -rf $(VENV) .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
