# make run     the main job: environment, simulated input, the limits of all searches
# make test    the tests, slow end-to-end ones last
# make env     the locked environment alone, in .venv
# make lint    style, types, and the workflow's own checks
# make lock    renew envs/requirements.txt from envs/requirements.in (needs uv)

PYTHON ?= $(firstword $(shell command -v python3.11 || command -v python3))
CORES  ?= $(shell getconf _NPROCESSORS_ONLN)
READY  := .venv/.complete

.PHONY: run test env lint lock

run: $(READY)
	@echo "== Running the workflow on $(CORES) cores. Jobs that are up to date are not run again."
	.venv/bin/snakemake --cores $(CORES)
	@echo "== Limit tables, figures and summary:"
	@ls -1 results/limits/*/*.csv results/limits/*/*.png results/report.html

test: $(READY)
	@echo "== Running the tests"
	.venv/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

env: $(READY)
	@echo "== The environment is in .venv; to use it: source .venv/bin/activate"

lint: $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/snakefmt --check Snakefile rules
	.venv/bin/mypy

$(READY): envs/requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "darkreach needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "== Making the environment in .venv from envs/requirements.txt (a minute or two)"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r envs/requirements.txt
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:
	uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-header --no-annotate \
	  envs/requirements.in -o envs/requirements.txt
