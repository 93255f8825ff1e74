import base64
import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

pytest.importorskip("statsmodels")
pytest.importorskip("sklearn")
pytest.importorskip("markdown_it")

from astrobrian.studies.ratio import example, report
from astrobrian.studies.ratio.constants import Constants
from astrobrian.studies.ratio.liquids import Arm, Liquid, Units
from astrobrian.studies.ratio.settings import Settings
from astrobrian.studies.ratio.table import frame
from astrobrian.studies.results import Results

TARGETS = {"lorenz": ("1 Lyapunov",), "digits": ("class",)}
SMALL = Settings(units=(Units.FORMAL,), tasks=("lorenz", "digits"), seeds=5)
ONE = {"units": ("formal",), "targets": {"lorenz": ("1 Lyapunov",)}}
VOID = {"meta", "img", "br", "hr", "link", "input"}


def liquid(units, constants, seed):
    """What one liquid does, not simulated."""
    random = np.random.default_rng(seed)
    states = random.random((300, 192))
    return example.Example(Liquid(units, Arm.MIXED, 64, 128, seed), states[:, :3], states, 0.9, 0.1)


def reported(folder, rows, settings=SMALL, echo_rows=()):
    with pytest.MonkeyPatch.context() as patch, Results(folder, "ratio") as results:
        patch.setattr(example, "example", liquid)
        results.stage("report")
        report.write_report(results, frame(rows), echo_rows, settings)
    return (folder / "findings.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, plant):
    """A report with all its figures, of a study in which 2:1 is best."""
    echo = [
        {"units": size, "seed": 0, "task": task, "target": target, "nrmse": 0.1, "score": 0.1 + size}
        for size in (100, 300)
        for task, (target,) in TARGETS.items()
    ]
    folder = tmp_path_factory.mktemp("report")
    reported(folder, plant(units=("formal",), targets=TARGETS, seeds=6, effect=2), echo_rows=echo)
    return folder


@pytest.fixture
def without_figures(monkeypatch):
    monkeypatch.setattr(report, "_figures", lambda *_: iter(()))


class Page(HTMLParser):
    """What is open, what is referred to, and what is in the tables."""

    def __init__(self):
        super().__init__()
        self.open, self.references, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(folder):
    page = Page()
    page.feed((folder / "report.html").read_text())
    assert page.open == []
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    images = sorted(path.name for path in folder.glob("*.png"))
    assert len(images) == len(page.references) == 9
    for reference in page.references:
        kind, _, content = reference.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content) in [(folder / name).read_bytes() for name in images]
    assert page.tags.count("details") == 10
    findings = (folder / "findings.md").read_text()
    assert all(f"({name})" in findings for name in images)
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary["files"]) == {*images, "table.csv", "findings.md", "report.html"}


def test_the_main_numbers_are_in_the_summary_and_in_words(folder):
    findings = (folder / "findings.md").read_text()
    figures = json.loads((folder / "summary.json").read_text())["figures"]
    for design in ("wide", "fixed"):
        low, best, high = figures[f"best_ratio_formal_{design}"]
        assert 1 < low <= best <= high < 4
        assert figures[f"2_to_1_formal_{design}"] == "holds"
        assert figures[f"near_2_to_1_formal_{design}"] > 0.9
    assert findings.count("**2:1 holds.**") == 4
    assert "better than *unconnected*" in findings
    assert "| digits | class | 100 | 300 |" in findings
    cells = pd.read_csv(folder / "table.csv")
    assert len(cells) == (48 + 3 * 36) * 2 * 2 * 2
    assert (cells["trials"] == 6).all()


def test_an_image_has_ink(folder):
    for path in folder.glob("*.png"):
        assert np.ptp(imread(path)[..., :3]) > 0.5
        assert path.stat().st_size < 300_000


@pytest.mark.usefixtures("without_figures")
def test_another_best_ratio_is_told_as_plainly(tmp_path, plant):
    findings = reported(tmp_path, plant(**ONE, seeds=5, effect=2, optimum=-1))
    assert findings.count("**2:1 doesn't hold.**") == 4
    assert "**2:1 holds.**" not in findings


@pytest.mark.usefixtures("without_figures")
def test_nothing_is_claimed_where_nothing_is(tmp_path, plant):
    findings = reported(tmp_path, plant(**ONE, seeds=6, effect=0, arm_effect=0))
    assert findings.count("**No best ratio is claimed**") == 4
    assert "**2:1" not in findings
    assert "not told from *unconnected*" in findings


@pytest.mark.parametrize("readers", [("mlp",), ("ridge",)])
def test_one_seed_of_one_task_is_reported_without_a_verdict(tmp_path, plant, readers):
    rows = plant(
        units=("formal",), targets={"lorenz": ("1 Lyapunov",)}, seeds=1, readers=readers, designs=("fixed",)
    )
    settings = Settings(
        units=(Units.FORMAL,), tasks=("lorenz",), seeds=1, readers=readers, designs=("fixed",)
    )
    findings = reported(tmp_path, rows, settings)
    assert "**Nothing can be said of 2:1**, since 1 seeds have enough cells, and 5 are needed." in findings
    assert "No trial has this measure." in findings


@pytest.mark.usefixtures("without_figures")
def test_failed_trials_are_told_with_their_errors(tmp_path, plant):
    rows = plant(**ONE, seeds=2)
    lost = dict.fromkeys(("learning_rate", "initial_loss", "final_loss", "nrmse", "score"))
    for row in rows[:7]:
        row |= lost | {"error": "ValueError: <b>no</b> | not this way", "losses": "[]"}
    rows[8]["degenerate"] = True
    findings = reported(tmp_path, rows)
    assert "7 trials failed, 1 are of degenerate liquids" in findings
    assert "| ValueError: &lt;b>no&lt;/b> \\| not this way | 7 |" in findings


def test_a_study_in_which_all_failed_is_reported(tmp_path, plant):
    rows = [
        row | {"error": "it broke", "losses": "[]"}
        for row in plant(units=("formal",), targets=TARGETS, seeds=1)
    ]
    findings = reported(tmp_path, rows)
    assert f"{len(rows)} trials failed" in findings
    assert "No trial has this measure." in findings


def test_spikes_are_read_from_their_trace():
    random = np.random.default_rng(0)
    spikes = random.random((200, 5)) < 0.1
    trace = np.zeros((200, 5), np.float32)
    for sample in range(1, 200):
        trace[sample] = 0.9 * trace[sample - 1] + 0.1 * spikes[sample]
    shown = example.Example(Liquid(Units.FORMAL, Arm.MIXED, 5, 0, 0), trace[:, :3], trace, 0.9, 0.1)
    sample, unit = shown.spikes(slice(1, 4))
    assert np.array_equal([sample - 1, unit], np.nonzero(spikes[1:, 1:4]))


@pytest.mark.parametrize(
    "units",
    [Units.FORMAL, pytest.param(Units.BIOPHYSICAL, marks=pytest.mark.slow)],
    ids=lambda units: units.value,
)
def test_an_example_is_simulated(units):
    shown = example.example(units, Constants(), seed=0)
    assert shown.states.shape == (300, 192)
    sample, unit = shown.spikes(slice(0, shown.liquid.neurons))
    assert 0.05 < len(sample) / 300 / 64 < 0.4  # where the control of rates led them
    assert len(np.unique(unit)) > 32
    assert len(example.plot(shown).axes) == 3
