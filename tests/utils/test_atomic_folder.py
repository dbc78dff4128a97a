"""Output folders: whole or not there, replaced in one step or put back, and written by one run at a time."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from couponry import InvalidInput
from couponry.utils import atomic_folder as module
from couponry.utils.atomic_folder import atomic_folder, remove_folder, reserved_folder
from couponry.utils.files.exchange import exchange
from couponry.utils.files.locks import writing


def write(folder: Path, text: str) -> None:
    with atomic_folder(folder, overwrite=True) as draft:
        (draft / "file").write_text(text)


def no_exchange(*_: Path) -> bool:
    return False


HOW = pytest.mark.parametrize("swap", [exchange, no_exchange], ids=["one step", "two steps"])


@HOW
def test_a_folder_is_replaced_whole(
    swap: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "exchange", swap)
    for text in ("first", "second"):
        write(tmp_path / "out", text)
        assert (tmp_path / "out" / "file").read_text() == text
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


def in_a_child(function: Callable[[], None]) -> int:
    """The exit status of a forked process that does this, and ends without tidying up."""
    child = os.fork()
    if child == 0:
        function()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@HOW
@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_killed_around_its_renames_there_is_the_old_or_the_new(
    renames: int, swap: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left, rename = tmp_path / "out", [renames], os.rename
    write(out, "old")

    def killed_rename(a: Path, b: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        rename(a, b)

    def killed_exchange(a: Path, b: Path) -> bool:
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        return swap(a, b)

    if swap is exchange and not exchange(out, Path(shutil.copytree(out, tmp_path / "copy"))):
        pytest.skip("this file system exchanges nothing")
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killed_rename)
        patch.setattr(module, "exchange", killed_exchange)
        status = in_a_child(lambda: write(out, "new"))
    done = status == 0
    assert done == (renames >= (1 if swap is exchange else 3))
    with reserved_folder(out, overwrite=True):  # what the next run begins with
        assert (out / "file").read_text() == ("new" if done else "old")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_rename_that_fails_leaves_the_old(
    failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out", "old")
    calls, rename = [0], os.rename

    def fail(a: Path, b: Path) -> None:
        calls[0] += 1
        if calls[0] == failing:
            raise OSError(5, "Input/output error")
        rename(a, b)

    monkeypatch.setattr(module, "exchange", no_exchange)
    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="Input/output"):
        write(tmp_path / "out", "new")
    assert (tmp_path / "out" / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_files_their_folder_and_its_parent_are_on_the_disk_before_the_old_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out", "old")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    remove = module.shutil.rmtree
    before_removal: list[int] = []
    monkeypatch.setattr(
        module.shutil, "rmtree", lambda *a, **k: (before_removal.extend(synced), remove(*a, **k))
    )
    write(tmp_path / "out", "new")
    out = tmp_path / "out"
    expected = [(out / "file").stat().st_ino, out.stat().st_ino, tmp_path.stat().st_ino]
    assert before_removal == synced == expected


def test_a_folder_that_cannot_be_made_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = r"^store '.*st': cannot write in '.*file'"
    with (
        pytest.raises(InvalidInput, match=message),
        reserved_folder(tmp_path / "file" / "st", what="store"),
    ):
        pass


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
def test_a_full_disk_is_said_with_the_folder(is_there: bool, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    if is_there:
        write(folder, "before")
    full, what = os.strerror(errno.ENOSPC), "is as it was" if is_there else "was not made"
    message = re.escape(f"{full}; output folder {str(folder)!r} {what}")
    with pytest.raises(OSError, match=message) as raised, atomic_folder(folder, overwrite=True):
        raise OSError(errno.ENOSPC, "Error writing bytes to file")
    assert raised.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["out"] * is_there


def test_what_the_system_says_of_no_file_is_said_with_the_folder(tmp_path: Path) -> None:
    folder, said = tmp_path / "result", r"too large.*'.*result' was not made"
    with pytest.raises(OSError, match=said) as raised, atomic_folder(folder):
        raise OSError(errno.EFBIG, "Error writing bytes to file: file too large")
    assert raised.value.errno == errno.EFBIG
    with pytest.raises(PermissionError, match=r"'secret'$"), atomic_folder(folder):
        raise PermissionError(errno.EACCES, "Permission denied", "secret")


def test_a_file_and_a_link_are_called_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "latest").symlink_to("monday")
    for name, what in ("file", "it is a file"), ("latest", "a symbolic link; name what it points"):
        with (
            pytest.raises(InvalidInput, match=what),
            atomic_folder(tmp_path / name, overwrite=True),
        ):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "latest"]


def test_a_folder_that_was_made_read_only_goes_when_it_is_replaced(tmp_path: Path) -> None:
    """Nothing is left beside it, also by a user whom modes keep out."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    kept_out = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] * is_root
    if kept_out and shutil.which(kept_out[0]) is None:
        pytest.skip("needs setpriv, for root")
    folder = tmp_path / "result"
    write(folder, "before")
    (folder / "parts").mkdir()
    (folder / "parts" / "file").touch()
    for place in folder / "parts", folder:
        place.chmod(0o555)
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from couponry.utils.atomic_folder import atomic_folder
        with atomic_folder(sys.argv[1], overwrite=True) as draft:
            Path(draft, "file").write_text("after")
    """)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    subprocess.run([*kept_out, sys.executable, "-c", code, folder], check=True, env=environment)
    assert [path.name for path in tmp_path.iterdir()] == ["result"]
    assert (folder / "file").read_text() == "after"


def test_drafts_of_folders_whose_names_begin_alike_stay(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "out.b") as draft:
        write(tmp_path / "out", "other")
        assert draft.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.b"]


HOLD = """
    import sys, time
    from couponry.utils.atomic_folder import reserved_folder
    with reserved_folder(sys.argv[1], overwrite=True):
        print("held", flush=True)
        time.sleep(600)
"""


def test_one_process_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "old")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(out)],
        stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    with pytest.raises(InvalidInput, match=r"^output folder '.*out': another run is writing it;"):
        write(out, "new")
    remove_folder(out)
    assert (out / "file").read_text() == "old"
    process.kill()
    process.wait(600)
    process.stdout.close()
    write(out, "new")  # a lock ends with its process
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    remove_folder(out)
    assert list(tmp_path.iterdir()) == []


def test_threads_wait_for_each_other_where_they_are_told_to(tmp_path: Path) -> None:
    seen, at_work = [], threading.Lock()

    def work() -> None:
        for _ in range(20):
            with writing(tmp_path / "out", "folder", wait=True):
                assert at_work.acquire(blocking=False)
                with writing(tmp_path / "out", "folder"):  # who has it may ask for it again
                    seen.append(1)
                at_work.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 80 and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_does_not_have_the_lock(tmp_path: Path) -> None:
    def refused() -> None:
        try:
            write(tmp_path / "out", "new")
        except InvalidInput:
            os._exit(3)

    with reserved_folder(tmp_path / "out"):
        assert in_a_child(refused) == 3
    assert in_a_child(refused) == 0


def test_folders_made_on_the_way_go_with_what_failed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), atomic_folder(tmp_path / "deep" / "er" / "out"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
