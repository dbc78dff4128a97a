"""Builds the native kernels, or, where no C++ compiler works, a package that runs on Numba and says so.

COUPONRY_NO_NATIVE=1       do not build the native kernels
COUPONRY_REQUIRE_NATIVE=1  fail where they cannot be built, as wheels do
COUPONRY_BUILD_DEBUG=1     -O1 -g, and everything asserted that the kernels rely on, bounds included
COUPONRY_SANITIZE=NAME     the same under a sanitizer: address, undefined or thread (GCC and clang)
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, Extension, setup

SOURCES = "ext/couponry"
EXTENSIONS = {  # module of couponry.kernels._native: its sources besides bindings/MODULE.pyx
    "evaluate": [
        "common/preference",
        "common/scratch",
        "dispatch/instruction_set",
        "evaluate/quantise",
        "evaluate/variant_avx2",  # empty, like the next, where the processor is not an x86-64
        "evaluate/variant_avx512",
        "evaluate/variant_baseline",
        "late/decide",
    ],
    "curvature": ["curvature/changes", "curvature/losses", "curvature/prices", "curvature/step"],
    "customer_constraints": ["customer_constraints/compile"],
    "exchanges": ["exchanges/find_exchanges", "exchanges/list_moves"],
    "local_search": [
        "common/scratch",
        "local_search/alternatives",
        "local_search/backups",
        "local_search/improve",
        "local_search/regret",
        "local_search/sum_choice",
    ],
    "affinity": [
        "affinity/best_offers",
        "affinity/chosen_odds",
        "affinity/keep_likeliest",
        "affinity/pair_features",
        "affinity/pair_odds",
        "affinity/variant_avx2",
        "affinity/variant_avx512",
        "affinity/variant_baseline",
        "affinity/variants",
        "trees/add_columns",
        "trees/score_trees",
    ],
    "purchases": [
        "affinity/gather_purchases",
        "affinity/group_purchases",
        "affinity/number_texts",
        "affinity/take_purchases",
    ],
    "candidates": [],
}

NO_TRAPS = ("affinity",)
"""Modules with choices between floating-point numbers for each candidate, which are no branches where none may trap."""

DIRECTIVES = {
    "language_level": 3,
    "wraparound": False,
    "autotestdict": False,
    "freethreading_compatible": True,  # the modules keep nothing but which instruction set they run with
}
SANITIZERS = {
    "address": "address",
    "undefined": "undefined,float-cast-overflow,float-divide-by-zero",
    "thread": "thread",
}
REQUIRES = [
    "numpy>=1.26",
    "numpy>=2; sys_platform == 'win32'",  # whose whole numbers had 32 bits before
    "scipy>=1.11",
    "pyarrow>=15",
    "click>=8",
    "rich>=13",
    "jinja2>=3.1",
    "filelock>=3.30",  # from which on it locks files that are open
    "psutil>=5.9; sys_platform != 'linux'",  # Linux tells of memory in files
]
NUMBA = "numba>=0.59"

TRIAL = """
#include <Python.h>
#include <vector>
int trial(int n) { return std::vector<int>(n).empty(); }
"""

NOTICE = """
********************************************************************************
couponry: {reason}
The native kernels are NOT built. couponry will run on its Numba backend: the same
results, slower, and it compiles for some seconds at first use. numba is installed
for it. To have the native kernels, install a C++17 compiler and install couponry
again:  pip install --force-reinstall --no-binary couponry couponry
********************************************************************************
"""


def flag(name: str) -> bool:
    """Whether an environment variable is set to something other than 0."""
    return os.environ.get(name, "") not in ("", "0")


def sanitizer() -> str:
    """The sanitizer to build with, or nothing."""
    name = os.environ.get("COUPONRY_SANITIZE", "")
    if name and name not in SANITIZERS:
        raise SystemExit(f"COUPONRY_SANITIZE: expected {', '.join(SANITIZERS)}, got {name!r}")
    return name


def is_debug() -> bool:
    """Whether what the kernels rely on is asserted; always so under a sanitizer."""
    return flag("COUPONRY_BUILD_DEBUG") or bool(sanitizer())


def compile_args() -> tuple[list[str], list[str], list[tuple[str, str | None]]]:
    """Arguments for the compiler, arguments for the linker, and macros."""
    if sys.platform == "win32":
        return ["/std:c++17", "/O2", "/fp:precise", "/EHsc"], [], []
    # No -march and no -ffast-math, ever: the same wheel gives the same bits on every processor.
    arguments = ["-std=c++17", "-ffp-contract=off", "-fvisibility=hidden"]
    linking: list[str] = []
    macros: list[tuple[str, str | None]] = []
    if is_debug():
        arguments += ["-O1", "-g", "-UNDEBUG"]
        macros += [("COUPONRY_ASSERTIONS", None), ("_GLIBCXX_ASSERTIONS", None)]
    else:
        arguments += ["-O3", "-g0"]
    if sanitizer():
        linking += [f"-fsanitize={SANITIZERS[sanitizer()]}"]
        arguments += [*linking, "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
    return arguments, linking, macros


def extension(name: str, sources: list[str]) -> Extension:
    """An extension module in C++ with this package's compiler arguments."""
    arguments, linking, macros = compile_args()
    if name.rpartition(".")[2] in NO_TRAPS and sys.platform != "win32":
        arguments = [*arguments, "-fno-math-errno", "-fno-trapping-math"]  # no number is another
    return Extension(
        name,
        sources,
        depends=[
            str(p) for p in sorted(Path(SOURCES).rglob("*")) if p.suffix in (".hpp", ".pxd", ".pxi")
        ],
        include_dirs=[SOURCES],
        define_macros=macros,
        extra_compile_args=arguments,
        extra_link_args=linking,
        language="c++",
    )


def reason_against_native() -> str | None:
    """Why the native kernels cannot be built here; None when they can: a small module builds the same way."""
    if flag("COUPONRY_NO_NATIVE"):
        return "COUPONRY_NO_NATIVE is set."
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "trial.cpp")
        trial.write_text(TRIAL)
        project = Distribution({"name": "trial", "ext_modules": [extension("trial", [str(trial)])]})
        build = project.get_command_obj("build_ext")
        build.build_lib = build.build_temp = folder
        try:
            build.ensure_finalized()
            build.run()
        except Exception as error:
            return f"no working C++ compiler was found ({error})."
    return None


def native() -> list[Extension]:
    """The extension modules, named one by one."""
    from Cython.Build import cythonize

    return cythonize(
        [
            extension(
                f"couponry.kernels._native.{module}",
                [f"{SOURCES}/bindings/{module}.pyx", *(f"{SOURCES}/{unit}.cpp" for unit in units)],
            )
            for module, units in EXTENSIONS.items()
        ],
        build_dir="build/cython-debug" if is_debug() else "build/cython",
        include_path=[f"{SOURCES}/bindings"],
        compiler_directives={**DIRECTIVES, "boundscheck": is_debug()},
    )


reason = reason_against_native()
if reason is not None and flag("COUPONRY_REQUIRE_NATIVE"):
    raise SystemExit(f"couponry: the native kernels are required, and cannot be built: {reason}")
if reason is not None:
    print(NOTICE.format(reason=reason), file=sys.stderr, flush=True)

setup(
    ext_modules=native() if reason is None else [],
    install_requires=REQUIRES if reason is None else [*REQUIRES, NUMBA],
    options={"build_ext": {"parallel": True}},  # extension modules at the same time
)
