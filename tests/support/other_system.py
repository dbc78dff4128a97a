"""Makes a process on Linux as poor as one on Windows: what is not there is gone, and what is refused is refused.

`become_poor` goes first, before anything is imported that looks at what the system has. Afterwards

- modules that only POSIX has cannot be imported, and functions of `os` and `mmap` that only POSIX has are not there;
- folders cannot be opened, and files that are open for reading alone cannot be made safe on disk;
- files that are open or mapped, and folders with such files in them, cannot be renamed, replaced or removed;
- renaming replaces nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import mmap
import os
import shutil
import stat
import sys
import tempfile
from typing import Any

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline", "nis")
"""Modules that Windows does not have."""

FUNCTIONS = (
    "pread", "pwrite", "preadv", "pwritev", "readv", "writev", "posix_fadvise", "posix_fallocate", "fork", "forkpty",
    "register_at_fork", "getuid", "geteuid", "getgid", "getegid", "getgroups", "sched_getaffinity", "sched_setaffinity",
    "sysconf", "confstr", "fchmod", "fchown", "chown", "lchown", "fchdir", "fdatasync", "sendfile", "mkfifo", "mknod",
    "killpg", "setsid", "getpgid", "nice", "sync", "getloadavg", "wait3", "wait4", "waitid",
    "O_DIRECT", "O_DIRECTORY", "O_NOFOLLOW", "O_TMPFILE", "O_SYNC", "O_DSYNC", "O_NONBLOCK", "memfd_create", "lockf",
)  # fmt: skip
"""Names of `os` that Windows does not have."""


def become_poor() -> None:
    """Take away from this process, for good, what Windows does not have."""
    import fcntl  # before it is gone

    import filelock  # noqa: F401 - which has its own ways on each system

    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # importing it fails
    for name in FUNCTIONS:
        if hasattr(os, name):
            delattr(os, name)
    os.supports_dir_fd.clear()
    shutil._use_fd_functions = False  # type: ignore[attr-defined]  # it opens folders
    tempfile.TemporaryFile = tempfile.NamedTemporaryFile  # type: ignore[misc]  # there, too
    _refuse_folders_and_reading_alone(fcntl)
    _refuse_what_is_open()
    _take_advice_away()
    _ask_for_names_of_libraries()


def _refuse_folders_and_reading_alone(fcntl: Any) -> None:
    """No folder can be opened, and what is open for reading alone cannot be made safe on disk."""
    open_, fsync = os.open, os.fsync

    def open_file(path: Any, flags: int, mode: int = 0o777, *, dir_fd: None = None) -> int:
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return open_(path, flags, mode)

    def fsync_file(file: Any) -> None:
        number = file if isinstance(file, int) else file.fileno()
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(9, "Bad file descriptor")
        fsync(number)

    os.open, os.fsync = open_file, fsync_file


def _refuse_what_is_open() -> None:
    """Nothing that is open or mapped is renamed, replaced or removed, and renaming replaces nothing."""
    rename, replace, unlink, rmdir = os.rename, os.replace, os.unlink, os.rmdir
    listdir, readlink, open_plainly = os.listdir, os.readlink, io.open

    def used() -> list[str]:
        paths = []
        for number in listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                paths.append(readlink(f"/proc/self/fd/{number}"))
        with open_plainly("/proc/self/maps") as maps:
            paths += [line.split(maxsplit=5)[5].strip() for line in maps if line.count("/")]
        return paths

    def check(path: Any) -> None:
        folder, name = os.path.split(os.path.abspath(path))
        whole = os.path.join(os.path.realpath(folder), name)
        for other in used():
            if other == whole or other.startswith(whole + "/"):
                raise PermissionError(
                    13, "The process cannot access the file because it is being used", other
                )

    def rename_file(a: Any, b: Any, **_: Any) -> None:
        check(a)
        if os.path.lexists(b):
            raise FileExistsError(17, "Cannot create a file when that file already exists", str(b))
        rename(a, b)

    def replace_file(a: Any, b: Any, **_: Any) -> None:
        check(a)
        if os.path.lexists(b):
            check(b)
            if stat.S_ISDIR(os.lstat(b).st_mode):
                raise PermissionError(5, "Access is denied", str(b))
        replace(a, b)

    def remove_file(path: Any, **_: Any) -> None:
        check(path)
        unlink(path)

    def remove_folder(path: Any, **_: Any) -> None:
        check(path)
        rmdir(path)

    os.rename, os.replace, os.unlink, os.remove, os.rmdir = (
        rename_file, replace_file, remove_file, remove_file, remove_folder,
    )  # fmt: skip


def _take_advice_away() -> None:
    """Mapped files take no advice."""

    class Mapped(mmap.mmap):
        def __getattribute__(self, name: str) -> Any:
            if name == "madvise":
                raise AttributeError(name)
            return super().__getattribute__(name)

    mmap.mmap = Mapped  # type: ignore[misc]
    for name in [name for name in vars(mmap) if name.startswith(("MADV_", "MAP_", "PROT_"))]:
        delattr(mmap, name)


def _ask_for_names_of_libraries() -> None:
    """A library has a name: there is none of everything that is loaded."""

    class Library(ctypes.CDLL):
        def __init__(self, name: Any, *arguments: Any, **named: Any):
            if name is None:
                raise TypeError("expected a name")
            super().__init__(None if name == "ucrtbase" else name, *arguments, **named)

    ctypes.CDLL = Library  # type: ignore[misc]
