"""The script in the README runs as it is printed, at its full size, for a few steps."""

import re
from pathlib import Path

from brian2 import ms, second

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_script_runs_as_printed():
    (script,) = re.findall(
        r"this script -->\n```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    assert len([line for line in script.splitlines() if line.strip()]) <= 30
    shorter = script.replace('use_backend("cpp")', 'use_backend("numpy")')
    shorter = shorter.replace("run(8*second", "run(20*ms")
    assert shorter.count("20*ms") == 1 and shorter.count('"numpy"') == 2

    names: dict = {}
    exec(compile(shorter, "README.md", "exec"), names)  # noqa: S102 (our own README)

    assert len(names["neurons"]) == 4000 and len(names["astrocytes"]) == 3200
    assert abs(len(names["exc_syn"]) / (0.05 * 3200 * 4000) - 1) < 0.01
    assert names["exc_syn"].uncovered == 0
    assert names["neurons"].t[:] == 20 * ms
    assert (names["astrocytes"].C[:] > 0).all()
    assert names["spikes"].num_spikes > 0
    assert names["drive"](1 * second) > 0
