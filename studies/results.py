"""What every command leaves behind: a folder with ``summary.json``, the plots, and the data behind them."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from astrobrian.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PACKAGES = (
    "astrobrian",
    "brian2",
    "brian2cuda",
    "brian2genn",
    "distributed",
    "matplotlib",
    "numpy",
    "pandas",
    "reservoirpy",
    "scikit-learn",
    "scipy",
    "snntorch",
    "spikingjelly",
    "statsmodels",
    "sympy",
    "torch",
)


class ResultsError(OSError):
    """The results can't be written, or read, where they were asked to be."""


class Results:
    """The folder of one command; `summary.json` in it is complete and readable at every moment.

    Use it as a context manager. On entry the folder is made and tried, so that a wrong one is refused before anything
    long starts. Each file is written beside its place and then moved there, so that none is ever half written. If the
    block is left by an exception or Ctrl-C, the summary keeps what was finished and says how it ended; if nothing was
    finished, the summary of an earlier run in the same folder is put back.

    Parameters
    ----------
    folder : str or Path
        Made if it is missing; files of an earlier run in it are replaced as the new ones are written.
    command : str
        What was run, as the user would type it.
    seed : int, optional
        The seed of all random numbers.
    backend : str, optional
        What ran the simulation.
    settings : Mapping, optional
        The other settings of the run, by name.
    needs : int, optional
        Free bytes asked for.

    Attributes
    ----------
    figures : dict
        The numbers that the command reports, by name; put the unit in the name.

    Raises
    ------
    ResultsError
        If the folder can't be made or written, or its disk has too little room left.

    Examples
    --------
    >>> with Results("results/network", "astrobrian simulate network", seed=1, backend="cpp") as results:
    ...     results.stage("simulate")
    ...     results.figures["rate_Hz"] = 3.84
    ...     results.save_arrays("spikes", t=t, i=i)
    """

    def __init__(
        self,
        folder: str | Path,
        command: str,
        seed: int | None = None,
        backend: str | None = None,
        settings: Mapping[str, Any] | None = None,
        needs: int = 50_000_000,
    ) -> None:
        self.folder = Path(folder)
        self.command = command
        self.seed = seed
        self.backend = backend
        self.settings = dict(settings or {})
        self.needs = needs
        self.figures: dict[str, Any] = {}
        self.files: list[str] = []
        self.wall_times: dict[str, float] = {}
        self._status = "running"
        self._error: str | None = None
        self._stage: str | None = None

    def __enter__(self) -> Self:
        self._try_folder()
        self._started = datetime.now(UTC)
        self._clock = self._stage_clock = time.perf_counter()
        summary = self.folder / "summary.json"
        self._before = summary.read_bytes() if summary.exists() else None
        self.write_summary()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_stage()
        if kind is None:
            self._status = "complete"
        elif issubclass(kind, KeyboardInterrupt):
            self._status = "interrupted"
        else:
            self._status = "failed"
            self._error = "".join(traceback.format_exception_only(error)).strip()
        # a summary that can't be written must not hide the error that ended the block
        with suppress(ResultsError) if kind is not None else nullcontext():
            if kind is not None and self._before is not None and not (self.files or self.figures):
                self._write(self.folder / "summary.json", self._before)
            else:
                self.write_summary()

    def stage(self, name: str) -> None:
        """Begin the stage `name`; the wall time of the one before is kept."""
        self._end_stage()
        self._stage = name
        self.write_summary()

    def _end_stage(self) -> None:
        now = time.perf_counter()
        if self._stage is not None:
            self.wall_times[self._stage] = self.wall_times.get(self._stage, 0.0) + now - self._stage_clock
        self._stage, self._stage_clock = None, now

    def save_arrays(self, name: str, **arrays: Any) -> Path:
        """Write arrays as ``name.npz`` (compressed); a quantity is stored in SI units."""
        bare = {key: np.asarray(value) for key, value in arrays.items()}
        return self._save(f"{name}.npz", lambda file: np.savez_compressed(file, **bare))  # type: ignore[arg-type]

    def save_plot(self, figure: Figure, name: str, dpi: int = 150) -> Path:
        """Write a matplotlib figure as ``name.png``."""
        return self._save(f"{name}.png", lambda file: figure.savefig(file, format="png", dpi=dpi))

    def save_text(self, text: str, name: str) -> Path:
        """Write a text under the file name `name`."""
        return self._save(name, lambda file: file.write(text.encode()))

    def _save(self, name: str, write: Callable[[BinaryIO], Any]) -> Path:
        path = self.folder / name
        content = BytesIO()
        write(content)
        self._write(path, content.getvalue())
        if name not in self.files:
            self.files.append(name)
        self.write_summary()
        return path

    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return {
            "command": self.command,
            "status": self._status,
            "error": self._error,
            "stage": self._stage,
            "figures": self.figures,
            "seed": self.seed,
            "backend": self.backend,
            "settings": self.settings,
            "started": self._started.isoformat(timespec="seconds"),
            "wall_time_s": time.perf_counter() - self._clock,
            "wall_times_s": self.wall_times,
            "files": self.files,
            "versions": versions(),
            "machine": machine(),
        }

    def write_summary(self) -> None:
        """Bring `summary.json` up to date; done at every stage and file, so call it only to publish figures early."""
        text = json.dumps(plain(self.summary()), indent=2) + "\n"
        self._write(self.folder / "summary.json", text.encode())

    def _write(self, path: Path, content: bytes) -> None:
        try:
            write_whole(path, content)
        except OSError as error:
            raise ResultsError(error.strerror or str(error)) from error

    def _try_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(
                f"can't make the results folder {self.folder}: {error.strerror}; name another one"
            ) from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ResultsError(f"can't write in the results folder {self.folder}; name another one")
        free = shutil.disk_usage(self.folder).free
        if free < self.needs:
            raise ResultsError(
                f"the disk of {self.folder} has {free / 1e6:.0f} MB left and {self.needs / 1e6:.0f} MB are needed; "
                "free some space or name a folder on another disk"
            )


def read_summary(folder: str | Path) -> dict[str, Any]:
    """The `summary.json` of a results folder; raises ResultsError if there is none or it isn't one."""
    path = Path(folder) / "summary.json"
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise ResultsError(f"{folder} is not a results folder: {error.strerror} ({path.name})") from error
    except ValueError as error:
        raise ResultsError(f"{path} is damaged: {error}") from error
    if not isinstance(found, dict) or "status" not in found:
        raise ResultsError(f"{path} was not written by AstroBrian")
    return found


def plain(value: Any) -> Any:
    """The same value made of what JSON knows; a number that isn't finite becomes null, a quantity is in SI units."""
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case np.ndarray() | np.generic():
            return plain(np.asarray(value).tolist())
        case list() | tuple():
            return [plain(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int() | str():
            return value
    return str(value)


def versions() -> dict[str, str]:
    """Version of Python and of each of `PACKAGES` that is installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def machine() -> dict[str, Any]:
    """System, processor and number of cores; and the GPU if Torch is in use and sees one."""
    found = {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
