"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary file beside it, which then takes its name.

    Raises
    ------
    OSError
        If it can't be written, naming the file and, for a full disk, saying so. An older file is left as it was.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _explained(error, path) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        Path(name).unlink(missing_ok=True)


def _explained(error: OSError, path: Path) -> OSError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = "the disk is full; free some space or write elsewhere" if full else error.strerror
    return OSError(error.errno, f"could not write {path}: {why}")
