"""Refuse an import whose parts come from two checkouts.

The folders beside this one are installed as ``astrobrian.equations``, ``astrobrian.bridges`` and
``astrobrian.studies``. An editable install of one checkout, imported from the root of another, would mix the two.
"""

from importlib.util import find_spec
from pathlib import Path

_core = Path(__file__).resolve().parent
for _part in ("equations", "bridges", "studies"):
    _spec = find_spec(f"astrobrian.{_part}")
    if _spec is None or _spec.origin is None:
        raise ImportError(f"{_core}: a checkout that is not installed here; run `pip install -e .` in it")
    if Path(_spec.origin).resolve().parent not in (_core / _part, _core.parent / _part):
        raise ImportError(f"astrobrian is from {_core}, astrobrian.{_part} from {_spec.origin}")
