"""What importing the bridges needs and costs."""

import subprocess
import sys

import pytest

import astrobrian.bridges


def run(code):
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("missing", ["torch", "safetensors"])
def test_without_its_extra_the_way_out_is_named(missing):
    code = (
        "import importlib.util as u; real = u.find_spec\n"
        f"u.find_spec = lambda name, *a: None if name == {missing!r} else real(name, *a)\n"
        "import astrobrian.bridges"
    )
    result = run(code)
    assert result.returncode != 0
    assert f'astrobrian.bridges needs {missing}: pip install "astrobrian[torch]"' in result.stderr


def test_importing_loads_nothing_heavy():
    code = "import sys, astrobrian.bridges; print('torch' in sys.modules)"
    assert run(code).stdout.strip() == "False"


def test_every_public_name_is_there():
    for name in astrobrian.bridges.__all__:
        assert getattr(astrobrian.bridges, name).__doc__ or name == "ARMS"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = astrobrian.bridges.nothing
