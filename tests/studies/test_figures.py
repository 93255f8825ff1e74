import numpy as np
import pytest
from brian2 import NeuronGroup, ms, run, second, stop

from astrobrian import use_backend
from astrobrian.progress import reporting
from astrobrian.studies.figures import figures, find, run_figure
from astrobrian.studies.results import read_summary


def test_a_figure_leaves_its_numbers_plot_and_data(tmp_path):
    told = []
    results = run_figure(
        "coba", tmp_path, backend="numpy", seed=5, duration=50 * ms, progress=lambda *now: told.append(now)
    )
    summary = read_summary(tmp_path)
    assert summary["status"] == "complete"
    assert summary["command"] == "simulate coba"
    assert (summary["seed"], summary["backend"]) == (5, "numpy")
    assert summary["figures"] == pytest.approx(results.figures)
    assert set(summary["files"]) == {"data.npz", "coba.png"}
    assert {"set up", "simulate", "plot"} <= summary["wall_times_s"].keys()
    assert (tmp_path / "coba.png").read_bytes().startswith(b"\x89PNG")
    with np.load(tmp_path / "data.npz") as data:
        assert len(data["excitatory_t"]) == len(data["excitatory_i"])
    assert [stage for stage, *_ in told] == ["simulate"] * len(told)
    assert told[-1][1] == 1.0


@pytest.mark.slow
def test_a_compiled_simulation_tells_both_stages(tmp_path):
    told = []
    run_figure(
        "open-loop", tmp_path, backend="cpp", progress=lambda stage, done, words: told.append((stage, done))
    )
    assert list(dict.fromkeys(stage for stage, _ in told)) == ["compile", "simulate"]
    assert told == sorted(told)
    assert told[-1] == ("simulate", 1.0)
    assert {"compile", "simulate"} <= read_summary(tmp_path)["wall_times_s"].keys()


def test_a_failure_is_in_the_summary(tmp_path):
    with pytest.raises(ValueError, match="scale"):
        run_figure("network", tmp_path, backend="numpy", scale=0.1)
    assert read_summary(tmp_path)["status"] == "failed"


def test_an_unknown_figure_or_setting_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"no figure 'fig7'; there are coba \(fig1\)"):
        run_figure("fig7", tmp_path / "run")
    with pytest.raises(ValueError, match="ring has no setting seed; it has cells, duration, backend"):
        run_figure("ring", tmp_path / "run", seed=1)
    assert not (tmp_path / "run").exists()


def test_figures_are_found_by_name_and_number():
    assert find("fig6") is find("network") is figures["network"]
    assert [study.number for study in figures.values()] == [1, 2, 3, 4, 5, 6]
    assert all("Stimberg" in study.title for study in figures.values())


def test_no_progress_is_no_report():
    use_backend("numpy")
    group = NeuronGroup(1, "")  # noqa: F841
    with reporting(None, 1 * ms) as report:
        run(1 * ms, **report)
    assert report == {}


def test_an_interrupted_simulation_is_not_taken_for_a_complete_one(tmp_path):
    def interrupt(stage, done, words):
        if 0 < done < 1:
            stop()  # what Brian2 does at Ctrl-C

    with pytest.raises(KeyboardInterrupt):
        run_figure("ring", tmp_path, backend="numpy", duration=1e5 * second, progress=interrupt)
    summary = read_summary(tmp_path)
    assert summary["status"] == "interrupted"
    assert "simulate" in summary["wall_times_s"]
