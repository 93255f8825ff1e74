"""Who may import whom: the table of rooms, read off the source without importing anything."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = "astrobrian"
PARTS = ("equations", "bridges", "studies")  # each is installed as astrobrian.<part>
MAY_IMPORT = {
    "equations": {"equations"},
    CORE: {CORE, "equations"},
    "bridges": {"bridges", CORE, "equations"},
    "studies": {"studies", "bridges", CORE, "equations"},
}
EXEMPT = Path(CORE, "cli.py")  # the command line starts everything

SOURCES = [path for room in MAY_IMPORT for path in sorted((ROOT / room).rglob("*.py"))]


def room_of(name: str) -> str | None:
    """The room that an imported name lies in, None for other packages; a generic name is a room that nobody may enter."""
    first, *rest = name.split(".")
    if first in PARTS:
        return f"{first}, under its generic name"
    if first != CORE:
        return None
    return rest[0] if rest and rest[0] in PARTS else CORE


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of every import in a source, inside functions too; `package` is what relative ones start from."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*above, *([module] if module else [])])
                # `from astrobrian import bridges` imports a part, and `from astrobrian.x import y` only astrobrian.x
                yield from (
                    (node.lineno, f"{base}.{alias.name}" if base == CORE else base) for alias in names
                )
            case ast.Call(
                func=ast.Attribute(attr=called) | ast.Name(id=called), args=[ast.Constant(str(name)), *_]
            ):
                if called in ("import_module", "__import__"):
                    yield node.lineno, name


def violations(room: str, source: str, package: str) -> list[str]:
    return [
        f"line {line}: {room} may not import {name} ({target})"
        for line, name in imported(source, package)
        if (target := room_of(name)) and target not in MAY_IMPORT[room]
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_import_only_what_they_may(path):
    where = path.relative_to(ROOT)
    room, folders = where.parts[0], where.parent.parts
    package = ".".join(folders if room == CORE else (CORE, *folders))
    found = violations(room, path.read_text(encoding="utf-8"), package)
    if where == EXEMPT:
        found = [each for each in found if "generic name" in each]
    assert not found


def test_there_is_source_in_every_room():
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("equations", "import astrobrian"),
        ("equations", "from astrobrian.layout import Grid"),
        ("equations", "from astrobrian import Grid"),
        ("equations", "from .. import layout"),
        ("equations", "def f():\n    import astrobrian.bridges.amsu"),
        ("equations", "from importlib import import_module\nimport_module('astrobrian.studies')"),
        ("equations", "__import__('astrobrian.layout')"),
        (CORE, "from astrobrian import bridges"),
        (CORE, "from .bridges import amsu"),
        (CORE, "from . import studies"),
        (CORE, "import astrobrian.studies.ring as ring"),
        ("bridges", "from astrobrian.studies import ring"),
        ("bridges", "import studies.ring"),
        ("studies", "from equations import chi"),
        ("studies", "from equations.library.chi import chi"),
    ],
)
def test_a_wrong_import_is_noticed(room, source):
    assert len(violations(room, source, CORE if room == CORE else f"{CORE}.{room}")) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("equations", "from astrobrian.equations.library import chi\nfrom . import model\nimport sympy"),
        (CORE, "from astrobrian.equations import chi\nfrom . import layout\nimport brian2"),
        ("bridges", "from astrobrian import Grid\nfrom astrobrian.equations import amsu\nimport torch"),
        ("studies", "from astrobrian.bridges import amsu\nimport astrobrian"),
    ],
)
def test_a_right_import_is_let_through(room, source):
    assert not violations(room, source, CORE if room == CORE else f"{CORE}.{room}")
