"""Importing is light, and refused where two copies of the package would mix."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def python(code: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd)


def test_import_needs_nothing_heavy(tmp_path):
    # Brian2 itself loads matplotlib where it is installed
    code = "import sys, brian2; before = set(sys.modules); import astrobrian; print(*(set(sys.modules) - before))"
    done = python(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "astrobrian" in loaded
    assert not loaded & {
        "torch",
        "matplotlib",
        "safetensors",
        "typer",
        "rich",
        "pandas",
        "setuptools",
    }
    parts = {name.split(".")[1] for name in done.stdout.split() if name.startswith("astrobrian.")}
    assert not parts & {"bridges", "studies", "cli", "doctor"}


def test_import_works_without_matplotlib_torch_and_a_compiler(tmp_path):
    code = """
        import os, sys
        sys.modules.update(dict.fromkeys(["torch", "matplotlib", "matplotlib.pyplot", "pylab", "Cython"]))
        os.environ["CXX"] = "no-such-compiler"
        import astrobrian, astrobrian.equations
        astrobrian.use_backend("numpy")
        print(len(astrobrian.AstrocyteGroup(3, astrobrian.equations.chi)))
    """
    done = python("\n".join(line.strip() for line in code.splitlines()), cwd=tmp_path)
    assert done.stdout == "3\n", done.stderr


@pytest.mark.parametrize("part", ["equations", "bridges", "studies"])
def test_a_part_under_its_generic_name_is_refused(part):
    done = python(f"import {part}", cwd=ROOT)
    assert done.returncode and f"ImportError: {part} loaded outside the astrobrian package" in done.stderr


def test_parts_of_two_checkouts_are_not_mixed(tmp_path):
    copy = tmp_path / "astrobrian"
    copy.mkdir()
    for name in ("__init__.py", "_layout.py"):
        (copy / name).write_text((ROOT / "astrobrian" / name).read_text(encoding="utf-8"), encoding="utf-8")
    done = python("import astrobrian", cwd=tmp_path)
    assert done.returncode and "ImportError: astrobrian is from" in done.stderr
