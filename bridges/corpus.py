"""Text as bytes: the Python standard library's own sources, or any file."""

from __future__ import annotations

import gzip
import hashlib
import os
import sysconfig
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_SKIPPED = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "__pycache__"}


@dataclass(frozen=True)
class Corpus:
    """Bytes to learn from and bytes held out.

    Attributes
    ----------
    name : str
    train, held_out : ndarray of uint8
    sha256 : str
        Of all the bytes, so that two runs can be seen to have read the same text.
    """

    name: str
    train: np.ndarray
    held_out: np.ndarray
    sha256: str

    @property
    def unigram_bits(self) -> float:
        """Bits per byte on the held-out part of the best guess that ignores context (byte counts of the other part)."""
        counts = np.bincount(self.train, minlength=256) + 1.0
        return float(-np.log2(counts / counts.sum())[self.held_out].mean())


def load_corpus(
    text: str | Path | None = None, context: int = 256, held_out: float = 0.1, max_bytes: int = 8_000_000
) -> Corpus:
    """The corpus to train on.

    Parameters
    ----------
    text : path, optional
        A file, gzipped or not; without it the Python sources of this machine's standard library, files in an order that
        depends on their names alone.
    context : int
        Bytes that a model is to see at once; either part must be longer.
    held_out : float
        Share of the bytes, at the end, that is kept for testing.
    max_bytes : int
        What is read of a larger text.

    Raises
    ------
    ValueError
        If the text is shorter than the context needs, or isn't readable as gzip although named so.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> load_corpus("novel.txt.gz").train.size
    """
    if not 0 < held_out < 1:
        raise ValueError(f"the held-out share should be between 0 and 1, not {held_out}")
    name, content = _standard_library(max_bytes) if text is None else _file(Path(text), max_bytes)
    split = len(content) - int(len(content) * held_out)
    shortest = min(split, len(content) - split)
    if shortest <= context:
        need = int((context + 1) / min(held_out, 1 - held_out)) + 1
        raise ValueError(
            f"{name} is too short: {len(content)} bytes leave {shortest} for one of its parts, and a context of "
            f"{context} needs more than that; give at least {need} bytes, or a shorter context"
        )
    data = np.frombuffer(content, np.uint8)
    return Corpus(name, data[:split], data[split:], hashlib.sha256(content).hexdigest())


def _file(path: Path, max_bytes: int) -> tuple[str, bytes]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            return path.name, file.read(max_bytes)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is named as a gzip file and isn't a whole one: {error}") from None


def _standard_library(max_bytes: int) -> tuple[str, bytes]:
    root = Path(sysconfig.get_paths()["stdlib"])
    names = []
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if name not in _SKIPPED]
        names += [(Path(folder) / name).relative_to(root) for name in files if name.endswith(".py")]
    # by a hash of the name: an order without meaning, so that both parts hold all kinds of files
    ordered = sorted(names, key=lambda p: hashlib.sha256(p.as_posix().encode()).digest())
    content = bytearray()
    for name in ordered:
        content += (root / name).read_bytes()
        if len(content) >= max_bytes:
            break
    return f"Python {sysconfig.get_python_version()} standard library", bytes(content[:max_bytes])
