"""What is changed in Brian2CUDA's queues of spikes with different delays; a version that has it otherwise is left alone.

Threads of a block run in groups, in any order. When a queue is prepared, all of them look at what is there, and the first
one then changes it: the others have to have looked before. And a lock only protects memory if what was written under it
is seen by whoever takes it next.
"""

from __future__ import annotations

#: The file in which they are.
FILE = "spikequeue.h"

_CHANGES = {
    "bool initialize_semaphores = (!semaphore);\n": "bool initialize_semaphores = (!semaphore);\n        __syncthreads();\n",
    "while (atomicCAS((int *)lock, 0, 1) != 0);\n": "while (atomicCAS((int *)lock, 0, 1) != 0);\n        __threadfence();\n",
    "*lock = 0;\n        __threadfence();\n": "__threadfence();\n        *lock = 0;\n",
}


def corrected(text: str) -> str:
    """The text of the file with these changes."""
    for theirs, ours in _CHANGES.items():
        text = text.replace(theirs, ours)
    return text
