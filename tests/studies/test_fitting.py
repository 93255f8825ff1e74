"""Fits on the command line: what they leave, and how they refuse."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from astrobrian.cli import app

run = CliRunner().invoke
FIT = ["--model", "li_rinzel", "--observed", "C", "--unit", "umolar", "--column", "C"]


@pytest.fixture
def csv(tmp_path):
    """Calcium of `li_rinzel` with 0.6 umolar of IP3, by SciPy."""
    from brian2 import umolar
    from scipy.integrate import solve_ivp

    from astrobrian.equations import li_rinzel, rhs

    flow = rhs(li_rinzel, I=0.6 * umolar)
    times = np.arange(0, 20, 0.5)
    path = solve_ivp(flow, (0, 20), flow.initial, method="LSODA", t_eval=times, rtol=1e-8, atol=1e-12).y[0]
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(times))
    lines = [f"{t},{c / float(umolar) + e},0.6" for t, c, e in zip(times, path, noise, strict=True)]
    file = tmp_path / "calcium.csv"
    file.write_text("\n".join(["time,C,IP3", *lines]))
    return file


def test_a_fit_leaves_a_folder(csv, tmp_path):
    out = tmp_path / "fit"
    options = ["--input", "I=@IP3:umolar", "--parameter", "O_P=0.3:3", "--starts", "2", "--no-profile"]
    ended = run(app, ["fit", str(csv), *FIT, *options, "--out", str(out)])
    assert ended.exit_code == 0, ended.output
    summary = json.loads((out / "summary.json").read_text())
    assert summary["status"] == "complete"
    assert {"fit.json", "fit.png", "data.npz", "model.txt"} == set(summary["files"])
    fit = json.loads((out / "fit.json").read_text())["parameters"]["O_P"]
    assert fit["unit"] == "umolar/second"
    assert fit["low"] < fit["value"] < fit["high"]
    assert fit["value"] == pytest.approx(0.9, rel=0.005)
    assert summary["figures"]["O_P (umolar/second)"] == fit["value"]
    assert "fit" in summary["wall_times_s"]
    with np.load(out / "data.npz") as data:
        assert data["fitted"].shape == data["recorded"].shape == (1, 40)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--parameter", "O_P=3"], "low:high"),
        (["--parameter", "O_Q=1:3"], "'O_Q'"),
        (["--parameter", "O_P=1*mV:3*mV"], "O_P of li_rinzel"),
        (["--parameter", "O_P=1:3", "--input", "I=@ATP"], "'ATP'; it has time, C, IP3"),
        (["--parameter", "O_P=1:3", "--initial", "C=0.1"], "initial value of C"),
        (["--parameter", "O_P=1:3", "--dt", "1*mV"], "1*mV"),
    ],
)
def test_a_mistake_is_named_in_one_line(options, words, csv):
    ended = run(app, ["fit", str(csv), *FIT, *options])
    assert words in str(ended.exception)


def test_a_column_that_is_an_input_is_not_fitted_by_accident(csv):
    options = ["--model", "li_rinzel", "--observed", "C", "--input", "I=@IP3", "--parameter", "O_P=1:3"]
    assert "--column" in str(run(app, ["fit", str(csv), *options]).exception)
