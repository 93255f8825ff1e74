"""What the driver of a GPU and the CUDA compiler say about each other."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def answer(*command: str | Path) -> str | None:
    """What a command prints, None if it fails or doesn't exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def driver_version() -> str | None:
    """Of the driver, None if there is none."""
    reply = answer("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return reply and reply.splitlines()[0]


def newest_cuda() -> float | None:
    """The newest CUDA of which the driver runs programs, None if it doesn't say."""
    found = re.search(r"CUDA (?:UMD )?Version: *(\d+\.\d+)", answer("nvidia-smi") or "")
    return float(found[1]) if found else None


def compute_capabilities(nvcc: Path) -> set[float]:
    """What a compiler can compile for; empty if it doesn't say."""
    listed = answer(nvcc, "--list-gpu-arch") or ""
    return {int(number) / 10 for number in re.findall(r"compute_(\d+)\b", listed)}
