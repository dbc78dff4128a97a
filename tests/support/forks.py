"""Work in a forked child, and what became of it."""

from __future__ import annotations

import faulthandler
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable


def in_fork(work: Callable[[], bool], seconds: float = 600.0) -> None:
    """Fail unless work() is true in a forked child; what a child raised, or where it hangs, is in the failure."""
    with tempfile.TemporaryFile("w+") as words:
        child = os.fork()
        if child == 0:
            status = 2
            try:
                faulthandler.dump_traceback_later(seconds, file=words)
                status = 0 if work() else 1
            except BaseException:
                traceback.print_exc(file=words)
                words.flush()
            finally:
                os._exit(status)
        deadline = time.monotonic() + seconds + 10  # by then a child that hangs has told where
        done = status = 0
        while not done and time.monotonic() < deadline:
            time.sleep(0.01)
            done, status = os.waitpid(child, os.WNOHANG)
        if not done:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        words.seek(0)
        code = os.waitstatus_to_exitcode(status)
        assert code == 0, f"the child ended with {code}, and said: {words.read() or 'nothing'}"
