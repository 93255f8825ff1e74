"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary file beside it, which then takes its name.

    Raises
    ------
    OSError
        If it can't be written, naming the file and, for a full disk, saying so. An older file is left as it was.

    Examples
    --------
    >>> write_whole("results/note.txt", b"done")
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full; free some space or write elsewhere" if full else error.strerror
        raise OSError(error.errno, f"could not write {path}: {why}") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
