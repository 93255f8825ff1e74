"""Errors of Brian2CUDA 1.0b1 that end every run here, corrected to get past them; what can be kept is in known_races.txt."""

from __future__ import annotations

import re

#: What is replaced, by what.
CORRECTIONS = {
    # CudaSpikeQueue::prepare: threads read members that thread 0 changes, which only works within one warp.
    r"(bool initialize_semaphores = \(!semaphore\);)": r"\1 __syncthreads();",
    # Before a run every thread writes the same value to the same place.
    r"(\w+\.no_or_const_delay_mode = scalar_delay;)": r"if (tid == 0) \1",
}


def corrected(source: str) -> str:
    """A source without those errors."""
    for wrong, right in CORRECTIONS.items():
        source = re.sub(wrong, right, source)
    return source
