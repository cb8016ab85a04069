# Everything is installed in .venv and nowhere else.
#
#   make demo      the main job on drawn flowers, from nothing to an accuracy
#   make test      all tests
#   make help      the rest

# Not that of the environment: `make install` empties it, and `make clean` removes it.
VENV := .venv
RUN_NAME ?= best
DATASET_DIR ?= data/flowers
# Not that of the environment: who else may see the runs is decided for each call.
HOST := localhost

# An environment of this name is for today's TensorFlow.
RUNTIME ?= $(if $(filter %-tf2,$(VENV:/=)),tf2)

# Without a locale, Python 3.7 and pip stumble over letters beyond ASCII in a folder's name.
LC_CTYPE ?= C.UTF-8
export LC_CTYPE

PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo dataset train evaluate tensorboard lint test soak bench results clean

help:  ## list these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install:  ## set up .venv (RUNTIME=tf1 or tf2, which VENV=.venv-tf2 means; PYTHON=..., TENSORFLOW=...)
	@case "$$(cat $(INSTALLED) 2>/dev/null)" in \
	  $(or $(RUNTIME),*)" "$(if $(TENSORFLOW),"$(TENSORFLOW)",*)" "$(if $(PYTHON),"$(PYTHON)",*)) ;; \
	  *) rm -f $(INSTALLED) ;; \
	esac
	@# Also where its Python is gone, or the folder was moved: programs in it name the place of before.
	@"$(MAKE)" --no-print-directory $(INSTALLED) $$($(PY) -c \
	    'import sys; sys.exit(sys.prefix not in open(sys.prefix + "/bin/activate").read())' \
	    >/dev/null 2>&1 || echo -W requirements.txt)

$(INSTALLED): requirements.txt requirements-tf2.txt tests/requirements.txt
	@VENV="$(VENV)" RUNTIME="$(RUNTIME)" PYTHON="$(PYTHON)" TENSORFLOW="$(TENSORFLOW)" sh scripts/install.sh

demo: $(INSTALLED)  ## draw the sample, convert, train, evaluate: 4 minutes on 2 cores once installed
	$(PY) scripts/download_and_convert.py --sample --dataset_dir data/sample
	$(PY) scripts/train.py --recipe demo
	$(PY) scripts/evaluate.py --run_name demo
	@echo "Checkpoints: runs/checkpoints/demo   Summaries: runs/summaries/demo"
	@echo "To look at them: make tensorboard   (or $(VENV)/bin/tensorboard --logdir runs/summaries)"

dataset: $(INSTALLED)  ## download and convert the real photos
	$(PY) scripts/download_and_convert.py --dataset_dir "$(DATASET_DIR)"

# Photos that have been converted, also by other means, are taken as they are; the official ones, whose
# conversion was broken off, are converted again.
train: $(INSTALLED)  ## train by the best recipe (one to three hours on a CPU; RUN_NAME=, DATASET_DIR=, TRAIN_FLAGS=)
	@if [ ! -e "$(DATASET_DIR)/labels.txt" ] && [ ! -e "$(DATASET_DIR)/dataset.json.partial" ] || \
	    grep -qs '"archive": "flower_photos.tgz"' "$(DATASET_DIR)/dataset.json.partial"; then \
	    "$(MAKE)" --no-print-directory dataset; \
	fi
	$(PY) scripts/train.py --recipe best --run_name "$(RUN_NAME)" \
	    --dataset_dir "$(DATASET_DIR)" $(TRAIN_FLAGS)

evaluate: $(INSTALLED)  ## evaluate that run on the validation photos
	$(PY) scripts/evaluate.py --run_name "$(RUN_NAME)"

# By itself TensorBoard shows 10 of a tag's images. (0, for all, shows none in TensorBoard 2.)
# What TensorFlow says of a missing GPU, and libraries of each other, is no news here.
tensorboard: $(INSTALLED)  ## show all runs at http://localhost:6006 (HOST=0.0.0.0: to other machines, too)
	TF_CPP_MIN_LOG_LEVEL=3 $(PY) -W ignore -m tensorboard.main --logdir runs/summaries --host $(HOST) \
	    --samples_per_plugin images=100000

lint: $(INSTALLED)  ## check style, docstrings, and who imports whom
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -c "from importlinter.cli import lint_imports_command as lint; lint()" --no-cache

# Files in parallel: what the tests of a file share is made once.
test: $(INSTALLED)  ## run all tests
	$(PY) -m pytest tests -n auto --maxprocesses 8 --dist loadfile

soak: $(INSTALLED)  ## make the long trials: killed processes, damaged files, long runs (about 40 minutes)
	$(PY) -m pytest tests -m soak --soak

bench: $(INSTALLED)  ## measure the speed, also in .venv-*/ (BENCH_FLAGS=--quick for minutes)
	$(PY) scripts/benchmark.py $(addprefix --other_python=,$(wildcard .venv-*/bin/python)) $(BENCH_FLAGS)

results: $(INSTALLED)  ## make the tables of docs/results.md from the files in docs/results
	$(PY) docs/results/make_tables.py

clean:  ## remove .venv and what Python left; datasets and runs stay
	rm -rf $(VENV) .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
