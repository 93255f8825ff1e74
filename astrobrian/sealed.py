"""Sealed files: named arrays and JSON metadata in safetensors, with a hash of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

try:
    from safetensors import SafetensorError
    from safetensors.numpy import load, save
except ImportError as error:
    raise ImportError(
        'sealed files need safetensors: pip install "astrobrian[deployment]"', name="safetensors"
    ) from error

_FORMAT = 1


class SealedFileError(ValueError):
    """A file that isn't what it should be: damaged, cut short, tampered with, or of another kind."""


def digest(arrays: Mapping[str, np.ndarray], header: str) -> str:
    """SHA-256 of a header and of names, types, shapes and values of arrays."""
    hashed = hashlib.sha256(header.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        hashed.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        hashed.update(array.tobytes())
    return hashed.hexdigest()


def seal(kind: str, arrays: Mapping[str, np.ndarray], metadata: Mapping) -> bytes:
    """The content of a sealed file.

    Parameters
    ----------
    kind : str
        What the file is, such as ``"unit"``.
    arrays : mapping of str to ndarray
    metadata : mapping
        Whatever JSON holds; no NaN or infinity.
    """
    header = json.dumps({"astrobrian": kind, "format": _FORMAT, **metadata}, sort_keys=True, allow_nan=False)
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return save(arrays, {"astrobrian": header, "sha256": digest(arrays, header)})


def unseal(path: str | Path, kind: str, max_bytes: int, error: type[SealedFileError]) -> tuple[dict, dict]:
    """The arrays and the metadata of a sealed file.

    Parameters
    ----------
    path : str or Path
    kind : str
        What the file should be.
    max_bytes : int
        A larger file is refused before it is read.
    error : type
        What is raised; a `SealedFileError`.

    Raises
    ------
    SealedFileError
        If the file isn't one of this kind, or its content doesn't match its hash.
    FileNotFoundError
        If there is none.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > max_bytes:
        raise error(f"{path} is too large for a {kind} file: {size} bytes, at most {max_bytes}")
    content = path.read_bytes()
    try:
        arrays = load(content)
        labels = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        header, sealed = labels["astrobrian"], labels["sha256"]
        metadata = json.loads(header)
        found, version = metadata.pop("astrobrian"), metadata.pop("format")
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as reason:
        raise error(f"{path} is not a readable {kind} file of AstroBrian: {reason!r}") from None
    if digest(arrays, header) != sealed:
        raise error(f"{path} has been changed since it was written: its content doesn't match its hash")
    if found != kind or version != _FORMAT:
        raise error(f"{path} is a {found} file of format {version}, not a {kind} file of format {_FORMAT}")
    return arrays, metadata
