# The few commands of a contributor. They use the virtual environment in .venv (make PYTHON=... for another).
PYTHON ?= .venv/bin/python
BIN := $(dir $(PYTHON))
CXX_SOURCES = $(shell find ext -name '*.cpp' -o -name '*.hpp' | sort)

.PHONY: setup format lint types contracts test fuzz bench-quick docs sanitize

setup:  ## a virtual environment with everything, couponry installed so that edits count at once
	python3 -m venv .venv
	.venv/bin/pip install -e ".[test,dev,demo]"

format:  ## write Python and C++ as the project writes them
	$(BIN)ruff check --fix --select I .
	$(BIN)ruff format .
	$(BIN)clang-format -i $(CXX_SOURCES)

lint:  ## what a formatter or a linter would change or refuse
	$(BIN)ruff check .
	$(BIN)ruff format --check .
	$(BIN)clang-format --dry-run --Werror $(CXX_SOURCES)

types:  ## strict types of the package, and stubs of the native modules against what they hold
	$(BIN)mypy
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

docs:  ## every example of the documentation, run
	$(PYTHON) -m pytest tests/system/test_documentation.py tests/system/test_docstrings.py

SANITIZER ?= address
sanitize:  ## kernels and engines under a sanitizer: make sanitize SANITIZER=address|undefined|thread
	COUPONRY_SANITIZE=$(SANITIZER) $(PYTHON) -m pip install -q --no-deps --upgrade --target build/$(SANITIZER) .
	LD_PRELOAD=$$($${CXX:-g++} -print-file-name=lib$(if $(filter undefined,$(SANITIZER)),ub,$(if $(filter thread,$(SANITIZER)),t,a))san.so) \
	ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=build/$(SANITIZER) \
	$(PYTHON) -m pytest -p no:cacheprovider tests/kernels tests/engines -k "not numba"
