# The course's commands; `make` alone lists them. Works with GNU make 3.81 and a POSIX shell.

PYTHONS = $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
LAB_ARGS =
LAB_FOLDER = .
SUBMISSIONS =
# The scripts in .venv/bin fail where the path to them holds a quotation mark; modules do not.
PY = .venv/bin/python
COURSE = $(PY) -m course_admin
# One worker a core, each file of tests in one worker
MEASURE =
PYTEST = $(PY) $(MEASURE) -m pytest -n auto --dist loadfile
NBVAL = $(PYTEST) --nbval-lax --nbval-current-env --nbval-cell-timeout=600
# These two lessons speak of networks at ImageNet's own 224 pixels.
AT_224 = notebooks/02_what_layers_learn.ipynb notebooks/08_backbones.ipynb
AT_ANY_SIZE = $(filter-out $(AT_224),$(wildcard notebooks/*.ipynb)) instructor/source

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup lab test test-photo test-all lint unit notebooks coverage format bench \
    screenshots data release grade lock clean

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

setup: data ## Install everything into .venv and draw the images of the pocket edition
	@echo "Ready."

lab: setup ## Open the course in JupyterLab; LAB_ARGS="--port 9999" are handed on
	@options=; \
	if [ "$$(uname)" = Linux ] && [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	    options=--no-browser; \
	    echo "This machine has no screen: open the address that JupyterLab prints below."; \
	fi; \
	if [ "$$(id -u)" = 0 ]; then options="$$options --allow-root"; fi; \
	$(PY) -m jupyterlab $$options --ServerApp.root_dir="$(LAB_FOLDER)" \
	    --LabApp.default_url=/lab/tree/notebooks/00_welcome.ipynb $(LAB_ARGS)

test: lint notebooks unit ## Check everything in the pocket edition: style, every notebook, unit tests

test-all: test test-photo ## The same, and lessons and solutions in the photo edition

lint: .venv/.project ## Check the style of code and notebooks
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@find notebooks instructor -name '*.ipynb' -not -path '*/.*' -not -path '*/to_hand_in/*' \
	    -exec $(PY) -m nbstripout --verify --keep-id {} +

notebooks: setup ## Execute every notebook of the pocket edition with nbval, without a network
	@unset COURSE_BACKBONE COURSE_INPUT_SIZE COURSE_MIRROR; COURSE_EDITION=pocket \
	    $(PY) tests/offline.py $(NBVAL) tests/network_is_cut.py \
	    notebooks/*.ipynb notebooks/exercises/*.ipynb instructor/source

unit: setup ## Run the tests of the code, the browser's included
	@unset COURSE_BACKBONE COURSE_INPUT_SIZE; COURSE_EDITION=pocket \
	    $(PYTEST) --no-loadscope-reorder tests

test-photo: setup ## Execute lessons and solutions in the photo edition (COURSE_MIRROR or a download)
	@COURSE_EDITION=photo $(COURSE) data fetch
	@COURSE_EDITION=photo $(NBVAL) $(AT_ANY_SIZE)
	@unset COURSE_INPUT_SIZE; COURSE_EDITION=photo $(NBVAL) $(AT_224)

coverage: setup ## Measure which lines and branches the notebooks and tests of the pocket edition reach
	@$(PY) -m coverage erase
	@$(MAKE) --keep-going notebooks unit MEASURE="-m coverage run"
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report --skip-covered --sort=miss

format: .venv/.project ## Bring code and notebooks into style, strip the notebooks of outputs
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@find notebooks instructor -name '*.ipynb' -exec $(PY) -m nbstripout --keep-id {} +

bench: setup ## Measure the course against the book's way
	@$(PY) -m benchmarks

screenshots: setup ## Renew the images of the widgets in the README
	@$(PY) docs/screenshots.py

data: .venv/.project ## Draw the images of the pocket edition (skips what is there and right)
	@$(COURSE) data make

release: .venv/.project ## Make the learners' exercises from the instructor's
	@$(COURSE) release

grade: setup ## Grade what came back: make grade SUBMISSIONS=folder-or-zip
	@if [ -z "$(SUBMISSIONS)" ]; then echo "Say what to grade: make grade SUBMISSIONS=handed_in.zip" >&2; exit 2; fi
	@$(COURSE) grade "$(SUBMISSIONS)"

lock: ## Write requirements.txt anew from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --extra dev --custom-compile-command "make lock" pyproject.toml -o requirements.txt

clean: ## Remove .venv, the pocket edition's data and all caches; downloads are kept
	rm -rf .venv data/pocket .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The two steps of the installation. Each leaves a stamp when it is through and not before, so
# that an interrupted step is done again. New pins make a new .venv: nothing old stays in it.

.venv/.packages: requirements.txt
	@found=; for python in $(PYTHONS); do \
	    if "$$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	        2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "No Python 3.11 to 3.13 with venv was found; tried: $(PYTHONS)." >&2; \
	    echo "Install one (python.org; on Debian or Ubuntu: apt install python3-venv)," >&2; \
	    echo "or name yours: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	echo "Making .venv with $$("$$found" --version): about 10 seconds"; \
	"$$found" -m venv --clear .venv
	@echo "Installing packages: about 1 minute from pip's cache, 3 to 5 over the network"
	@$(PY) -m pip install --require-hashes -r requirements.txt
	@touch $@

.venv/.project: pyproject.toml .venv/.packages
	@echo "Installing the course itself: a few seconds"
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Where .venv no longer runs (its Python was upgraded away, this folder was moved or copied),
# it is made anew.
ifneq ($(wildcard .venv/.project),)
ifneq ($(shell $(PY) -I -c "import course_utils; print(course_utils.__file__)" 2>&1),$(CURDIR)/course_utils/__init__.py)
.PHONY: .venv/.packages
endif
endif
