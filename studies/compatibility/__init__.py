"""One script on every backend: what each can do, and whether the answers agree.

Each row of the table (`astrobrian.backends.features`) is a small network here, made by a function with the name of the
feature. A cell of the table runs it on one backend, in a process of its own, and compares what it recorded with what
the backend "numpy" did.
"""

from astrobrian.studies.compatibility.row import Row
from astrobrian.studies.compatibility.rows import ROWS

__all__ = ["ROWS", "Row"]
