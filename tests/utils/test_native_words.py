"""What C code prints is left out where that is asked, and nothing else is."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, os, sys, threading
from couponry.utils.process.native_words import native_words_left_out

def c(text):
    ctypes.CDLL(None).puts(text)
    ctypes.CDLL(None).fflush(None)

c(b"c before")
with native_words_left_out():
    c(b"c within")
    print("python within", flush=True)
    os.write(1, b"descriptor within\\n")
    with native_words_left_out():
        c(b"c deeper")
    c(b"c still within")
    other = threading.Thread(target=c, args=(b"c of another thread",))
    other.start()
    other.join()
    if os.fork() == 0:
        c(b"c of a child")
        os._exit(0)
    os.wait()
c(b"c after")
try:
    with native_words_left_out():
        raise KeyError
except KeyError:
    c(b"c after an exception")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc what it prints")
def test_words_of_c_are_left_out_and_no_others() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        "c before", "python within", "descriptor within", "c of a child", "c after", "c after an exception"
    ]  # fmt: skip


def test_where_there_is_no_such_variable_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    from couponry.utils.process import native_words

    monkeypatch.setattr(native_words, "NAMES", {"no_such_function": "stdout"})
    output = native_words._CStandardOutput()
    output.enter()
    assert output._variable is None and output._kept is None
    output.leave()
