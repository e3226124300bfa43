# The commands people type. `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV    ?= .venv
PYTHON  ?= $(or $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3,$(if $(shell command -v $(p)),$(p)))),python3)
CORES   ?= all
PRESET  ?= preview
TORCH   := $(shell sed -n 's/^torch==//p' constraints.txt)
BIN     := $(if $(filter /%,$(VENV)),,$(CURDIR)/)$(VENV)/bin
READY   := $(VENV)/.unigs-ready
# Values that may hold spaces or quotes reach the recipes through the environment.
export CLIP NAME AUDIO REPLACE CONSENT
export PATH := $(BIN):$(PATH)

.PHONY: help setup demo portrait carriers test test-faults reliability lint format graph schema bench bench-gpu clean

help:  ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: $(READY)  ## the environment in .venv, pinned by constraints.txt, and pretrained weights

$(READY): pyproject.toml constraints.txt unigs/workflow/launcher.py
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || \
	    { echo "error: UniGS needs Python 3.11 to 3.14: install it (Debian: apt-get install python3)," \
	           "or say where it is: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x "$(BIN)/pip" || "$(PYTHON)" tools/make_venv.py "$(VENV)"
	@echo "Installing into $(VENV): about 3 GB, a few minutes."
	@# CUDA torch beside an NVIDIA GPU, else the CPU build, which is ten times smaller. What pip says
	@# of a place that has none is no error: it goes to the log.
	@log="$(VENV)/torch.log"; : >"$$log"; \
	if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then \
	    python -m pip install -q -c constraints.txt 'torch===$(TORCH)' 2>>"$$log" || \
	        echo "no CUDA build of torch $(TORCH) found: the GPU will not be used ($$log)" >&2; \
	elif [ "$$(uname -s)-$$(uname -m)" = Linux-x86_64 ]; then \
	    python -m pip install -q -c constraints.txt 'torch==$(TORCH)+cpu' 2>>"$$log" || { \
	        echo "No CPU build of torch $(TORCH) where pip looks: asking download.pytorch.org."; \
	        python -m pip install -q -c constraints.txt 'torch==$(TORCH)+cpu' \
	            --index-url https://download.pytorch.org/whl/cpu \
	            --extra-index-url https://pypi.org/simple 2>>"$$log"; } || \
	        echo "no CPU build of torch $(TORCH) found: taking the default one ($$log)" >&2; \
	fi
	python -m pip install -q -c constraints.txt -e '.[dev]'
	@# snakemake --cores 8 --resources gpu=1 all: Snakemake itself takes `all` for a resource.
	@python -m unigs.workflow.launcher "$(BIN)/snakemake"
	@echo "Compiling the CPU kernels once, half a minute: the first command then starts at once."
	@python -m unigs.train.compile_kernels
	@echo "Fetching pretrained weights, 36 MB to keep: unigs models tells of them."
	@python -m unigs models fetch --try
	@touch "$(READY)"

demo: setup  ## the whole way on a synthetic speaker, to results/index.html
	python -m unigs demo --cores $(CORES)

portrait: setup  ## a portrait from CLIP=my.mp4 [NAME=me] [PRESET=preview] [AUDIO=speech.wav] [CONSENT=myself]
	@test -n "$$CLIP" || { echo 'usage: make portrait CLIP=my.mp4 [NAME=me]' >&2; exit 2; }
	@python -m unigs portrait --cores $(CORES) --preset $(PRESET) --name="$$NAME" \
	    --audio="$$AUDIO" --replace="$$REPLACE" --consent="$$CONSENT" -- "$$CLIP"

carriers: setup  ## mediapipe 0.10.14 and face-alignment, which tests compare with (Python 3.11, 3.12)
	python -m pip install -q -c constraints.txt absl-py attrs protobuf
	@# Alone: both ask for a second OpenCV, which needs the libraries of an X server.
	python -m pip install -q -c constraints.txt --no-deps mediapipe face-alignment

test: setup  ## run the tests, but for those of `make test-faults`
	python -m pytest -n 2 --dist loadfile -m "not faults"

test-faults: setup  ## try bad days: bad input to the workflow, full disks, vanishing files
	python -m pytest -n 2 --dist loadfile -m faults

reliability: setup  ## try all faults, and write what was found into docs/reliability.md
	python -m pytest -n 2 --dist loadfile tests/faults --fault-records tests/faults/records.json
	python -m tools.reliability

lint: setup  ## ruff, snakefmt, snakemake --lint
	ruff check .
	ruff format --check .
	snakefmt --check workflow
	snakemake --lint

format: setup  ## let ruff and snakefmt rewrite the files
	ruff check --fix .
	ruff format .
	snakefmt workflow

schema: setup  ## write the schemas and the tables of config/README.md from unigs/settings
	python -m tools.schema

graph: setup  ## draw the rules into README.md
	python -m tools.rulegraph

bench: setup  ## time rasterizer, kernels, playback and training, five minutes, to benchmarks/results
	python -m benchmarks

bench-gpu: setup  ## a portrait on a CUDA device: parity, training speed, frames per second, memory
	python -m benchmarks.gpu

clean:  ## remove environment and caches, keep results
	rm -rf "$(VENV)" .snakemake .pytest_cache .ruff_cache *.egg-info
