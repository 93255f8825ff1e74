"""Which backend can do what: the one place where it is written down.

Preflight names these features when it refuses something, the table in the documentation is made from them, and each
cell of it is a test (`astrobrian.studies.compatibility`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["works", "lowered", "refused"]

BACKENDS = ("numpy", "cython", "cpp", "cuda", "genn")


@dataclass(frozen=True)
class Feature:
    """Something that a script may use.

    Parameters
    ----------
    title : str
        As in the table.
    other : Mapping of str to (str, str), optional
        For each backend on which it doesn't simply work: "lowered" or "refused", and how or why, in words.
    """

    title: str
    other: Mapping[str, tuple[Literal["lowered", "refused"], str]] = field(default_factory=dict)

    def status(self, backend: str) -> Status:
        """Whether it works, is lowered (rewritten, with the same result) or refused."""
        return self.other[backend][0] if backend in self.other else "works"

    @property
    def backends(self) -> list[str]:
        """Those on which it can be used."""
        return [backend for backend in BACKENDS if self.status(backend) != "refused"]


FEATURES: dict[str, Feature] = {
    "one_group": Feature("one group of astrocytes"),
}
