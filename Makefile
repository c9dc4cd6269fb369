# Every task of this repository is a target here; `make` lists them. The recipes stay short: what is longer is in .ci.
# The plugin itself needs no build.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-qgis install uninstall demo screenshots example-chicago test fuzz lint types check bench bench-peers accuracy significance guide api schemas package clean

export LANG ?= C.UTF-8
PYTHON := /usr/bin/python3
TOOL := .venv/bin/python -m
PYTEST_ARGS ?=
BENCH_ARGS ?=
# PROFILE=FOLDER installs into the QGIS configuration folder FOLDER instead of the user's own.
ifdef PROFILE
export QGIS_CUSTOM_CONFIG_PATH := $(PROFILE)
endif

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

setup: ## Install what is missing: QGIS 3.40, Python packages, test tools
	@.ci/setup

setup-qgis: # what running the plugin needs, without the test tools
	@.ci/setup --without-test-tools

install: setup-qgis ## Put the plugin into your QGIS profile and switch it on (PROFILE=FOLDER: into another)
	@.ci/install-plugin "$$($(PYTHON) .ci/package.py)"

uninstall: ## Take the plugin out of your QGIS profile
	@.ci/install-plugin --remove

demo: install ## Run the demonstration city from data to report; the files go to build/demo
	$(PYTHON) resources/demo/run.py northbridge

example-chicago: ## Run the Chicago example on the data in the folder DATA=FOLDER
	@[ -d "$(DATA)" ] || { echo "Say which folder has the data: make example-chicago DATA=FOLDER" >&2; exit 2; }
	@$(MAKE) --no-print-directory install
	$(PYTHON) resources/demo/run.py chicago "$(DATA)"

test: setup ## Run every test in two processes, windows on a screen of their own (PYTEST_ARGS=... for pytest)
	QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1920x1080x24" $(TOOL) pytest --numprocesses 2 --dist loadgroup $(PYTEST_ARGS)

fuzz: setup ## Feed the algorithms with wrong inputs for some minutes (MINUTES=10, SEED=...: the same ones again)
	.venv/bin/python tests/fuzz/fuzz.py --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

check: lint types ## Lint and types

lint: setup ## ruff on everything, the QGIS rules of flake8 and the oldest Python (vermin) on the plugin
	$(TOOL) ruff check .
	$(TOOL) ruff format --check .
	.venv/bin/vermin --quiet --no-tips --eval-annotations --violations --target=3.10- __init__.py rtm_plugin algorithms
	@# Left out: QGS105 forbids classFactory's iface, which QGIS passes; QGS202 guesses a class from a method's name.
	$(TOOL) flake8 --isolated --select QGS --ignore QGS105,QGS202 rtm_plugin algorithms

types: setup ## mypy, strict, on the core
	@# The package has to be found by the name risk_terrain, which is not the name of every clone: hence the link.
	@alias=$$(mktemp -d) && trap 'rm -rf "$$alias"' EXIT && ln -s "$(CURDIR)" "$$alias/risk_terrain" && cd "$$alias" && \
	"$(CURDIR)"/$(TOOL) mypy --config-file "$(CURDIR)/pyproject.toml" --cache-dir "$(CURDIR)/.mypy_cache" \
		--follow-imports silent -p risk_terrain.rtm_plugin.core

bench: install ## Time whole runs and their stages into docs/performance.md (DATA=FOLDER: with Chicago; BENCH_ARGS=--quick)
	$(PYTHON) -m benchmarks.run $(if $(DATA),--data "$(DATA)") $(BENCH_ARGS)

bench-peers: setup-qgis ## Compare with R's glmnet, glm and glm.nb, which it installs when missing; takes half an hour
	@benchmarks/setup-r
	OPENBLAS_NUM_THREADS=1 $(PYTHON) -m benchmarks.peers $(if $(DATA),--data "$(DATA)") $(BENCH_ARGS)

accuracy: setup ## Compare the forecast with terrain, baselines and a random forest, into docs/accuracy.md (DATA=FOLDER: real cities)
	@$(TOOL) pip install --quiet --disable-pip-version-check "scikit-learn>=1.2" # the forest; the plugin needs none of it
	$(TOOL) benchmarks.accuracy $(if $(DATA),--data "$(DATA)")

significance: setup ## Measure false findings, true ones and intervals by simulation, into docs/significance.md (DATA=FOLDER, REPLICATES=100)
	$(TOOL) benchmarks.significance --replicates $(or $(REPLICATES),100) $(if $(DATA),--data "$(DATA)")

guide: ## Make the guide that the plugin opens (resources/guide/guide.html) from docs/guide.md and the tools' help
	@$(PYTHON) .ci/guide.py

api: ## Make docs/api.md from the docstrings of the core's public names
	@$(PYTHON) .ci/api.py

schemas: ## Bring resources/schema up to date with the settings that the core declares
	@$(PYTHON) .ci/schemas.py

package: ## Build the zip that QGIS installs, in build
	@$(PYTHON) .ci/package.py

screenshots: install ## Take the pictures that docs shows (needs imagemagick), and all of the wizard's pages into build/pictures
	$(PYTHON) tests/gui/desktop.py --pictures docs
	QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1920x1080x24" $(PYTHON) tests/gui/wizard_pictures.py build/pictures --guide resources/guide

clean: ## Remove what the targets made; not the QGIS profile and not .venv
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .qgis-settings
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
