"""The command line: what it prints, and how it refuses."""

import json
import subprocess
import sys

import pytest
from brian2 import have_same_dimensions, second, umolar
from typer.testing import CliRunner

from astrobrian.cli import app, read_settings

run = CliRunner().invoke


def refused(*arguments: str) -> str:
    """What the command prints when it ends with an error that a user can mend."""
    command = [sys.executable, "-P", "-c", "from astrobrian.cli import main; main()", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_help_names_every_job():
    listing = run(app, ["--help"]).output
    for job in ("demo", "simulate", "distill", "train", "generate", "models", "bench", "doctor"):
        assert job in listing
        assert "Usage" in run(app, [job, "--help"]).output


def test_models_prints_what_brian2_gets():
    printed = run(app, ["models", "gchi+gliotransmission", "--parameters", "FM", "--set", "zeta=3"]).output
    assert "dC/dt = J_r + J_l - J_p : mmolar" in printed
    assert "zeta : 1 (shared, constant)  # 3: " in printed
    assert "DePittaBrunel2016" in printed
    assert "G_A += rho_e*G_T*U_A*x_A" in printed


def test_models_lists_the_library_and_cites():
    assert "lavrentovich_hemkin" in run(app, ["models"]).output
    assert "@article{LiRinzel1994," in run(app, ["models", "li_rinzel", "--cite"]).output


def test_settings_take_the_type_of_their_defaults():
    defaults = {"duration": 8 * second, "seed": 1, "mapping": "spatial", "scale": 1.0}
    given = ["duration=2*second", "seed=3", "mapping=published", "scale=0.5"]
    read = read_settings(given, defaults)
    assert have_same_dimensions(read["duration"], second) and read["duration"] == 2 * second
    assert (read["seed"], read["mapping"], read["scale"]) == (3, "published", 0.5)
    assert read_settings(["O_beta=3.2*umolar/second"], {"O_beta": umolar / second})["O_beta"] > 0


@pytest.mark.parametrize("text", ["duration", "size=3", "seed=three", "duration=2*parsec", "duration=2"])
def test_settings_refuse_what_they_cannot_read(text):
    with pytest.raises(ValueError, match=text.partition("=")[0]):
        read_settings([text], {"duration": 8 * second, "seed": 1})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("models", "gchy"), ["gchy", "gchi"]),
        (("models", "gchi", "--set", "O_beta=3*mV"), ["O_beta", "3*mV", "uM/s"]),
        (("models", "gchi", "--set", "O_beta=-3*umolar/second"), ["O_beta", "negative"]),
        (("models", "gchi", "--parameters", "XM"), ["XM", "there are AM"]),
        (("simulate", "fig9"), ["fig9", "network (fig6)"]),
        (("generate", "no/such/[b]model"), ["no/such/[b]model"]),
        (("simulate", "network", "--set", "duration=2"), ["duration", "2*second"]),
        (("simulate", "network", "--set", "form=zzz"), ["lifted, published", "zzz"]),
        (("bench", "fig6"), ["fig6", "figure6-published"]),
    ],
)
def test_a_mistake_is_named_in_one_line(arguments, words):
    message = refused(*arguments)
    for word in words:
        assert word in message


def test_simulate_leaves_a_folder(tmp_path):
    out = tmp_path / "ring"
    ended = run(
        app, ["simulate", "ring", "--out", str(out), "--set", "duration=5*second", "--set", "backend=numpy"]
    )
    assert ended.exit_code == 0, ended.output
    summary = json.loads((out / "summary.json").read_text())
    assert summary["status"] == "complete" and summary["backend"] == "numpy"
    assert (out / "ring.png").stat().st_size > 1000 and (out / "data.npz").exists()
