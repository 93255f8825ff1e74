"""The language model: its arms, training that goes on as if never stopped, and sampling."""

import json
import signal

import numpy as np
import pytest
import torch
from brian2 import ms, second

from astrobrian.bridges import (
    ARMS,
    AstroSNNConfig,
    CheckpointError,
    Corpus,
    TrainingConfig,
    TrainingError,
    build_model,
    compare_arms,
    generate,
    load_model,
    parameter_count,
    plot_training,
    train,
)
from astrobrian.bridges.checkpoint import CHECKPOINT
from tests.bridges.test_unit import some_unit

TINY = AstroSNNConfig(width=24, depth=1, heads=2, keys=6, expansion=2, context=32)
BRIEF = TrainingConfig(steps=30, batch=4, evaluations=3, windows=8, learning_rate=1e-2)


@pytest.fixture(scope="module")
def corpus():
    data = np.frombuffer(b"the quick brown fox jumps over the lazy dog\n" * 200, np.uint8)
    return Corpus("fox", data[:-900], data[-900:], "0" * 64)


def weights(folder):
    return load_model(folder).state_dict()


def test_arms_compared_on_a_tiny_text(corpus, tmp_path):
    told = []
    results = compare_arms(TINY, corpus, BRIEF, tmp_path, progress=lambda *words: told.append(words))
    for arm in ARMS:
        result = results[arm]
        assert result["status"] == "done"
        assert result["bits_per_byte"] < corpus.unigram_bits
        assert result["tokens"] == 30 * 4 * 32
        assert result["history"][0]["held_out"] > result["bits_per_byte"]
        assert json.loads((tmp_path / arm / "metrics.json").read_text()) == json.loads(json.dumps(result))
    assert abs(results["gru"]["parameters"] / results["astrocyte"]["parameters"] - 1) < 0.05
    assert results["cut"]["parameters"] < results["astrocyte"]["parameters"]
    done = [d for _, d, _ in told]
    assert done == sorted(done)
    assert done[-1] == 1
    pytest.importorskip("matplotlib")
    assert len(plot_training(results).axes[0].lines) == 3


def test_arms_start_from_the_same_weights():
    models = []
    for arm in ("astrocyte", "cut"):
        torch.manual_seed(0)
        models.append(build_model(TINY.with_arm(arm)))
    assert all(torch.equal(a, b) for a, b in zip(*(m.state_dict().values() for m in models), strict=True))


def test_equal_sizes_at_the_default_configuration():
    sizes = {arm: parameter_count(build_model(AstroSNNConfig(arm=arm))) for arm in ARMS}
    assert abs(sizes["gru"] / sizes["astrocyte"] - 1) < 0.03


@pytest.mark.parametrize("arm", ARMS)
def test_run_that_is_interrupted_goes_on_to_the_same_weights(corpus, tmp_path, arm):
    config = TINY.with_arm(arm)
    whole = train(config, corpus, BRIEF, tmp_path / "whole")

    def stop(_, done, __):
        if done == 13 / 30 and not stopped:
            stopped.append(done)
            signal.raise_signal(signal.SIGINT)

    stopped = []

    before = signal.getsignal(signal.SIGINT)
    first = train(config, corpus, BRIEF, tmp_path / "parts", progress=stop)
    assert first["status"] == "interrupted"
    assert first["steps"] == 13
    assert signal.getsignal(signal.SIGINT) is before
    assert generate(load_model(tmp_path / "parts"), b"the", 5)
    second = train(config, corpus, BRIEF, tmp_path / "parts")
    assert second["status"] == "done"
    assert second["bits_per_byte"] == whole["bits_per_byte"]
    assert second["history"] == whole["history"]
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_finished_run_is_not_done_twice(corpus, tmp_path):
    first = train(TINY, corpus, BRIEF, tmp_path)
    before = (tmp_path / CHECKPOINT).stat().st_mtime_ns
    assert train(TINY, corpus, BRIEF, tmp_path) == first
    assert (tmp_path / CHECKPOINT).stat().st_mtime_ns == before


def test_killed_run_loses_little(corpus, tmp_path):
    class Killed(Exception):
        pass

    def kill(_, done, __):
        if done > 0.5:
            raise Killed

    often = TrainingConfig(**{**vars(BRIEF), "checkpoint_seconds": 0.0})
    with pytest.raises(Killed):
        train(TINY, corpus, often, tmp_path / "killed", progress=kill)
    assert (
        train(TINY, corpus, often, tmp_path / "killed")["bits_per_byte"]
        == (train(TINY, corpus, BRIEF, tmp_path / "whole")["bits_per_byte"])
    )


def test_checkpoint_of_another_run_or_damaged_is_refused(corpus, tmp_path):
    train(TINY, corpus, BRIEF, tmp_path)
    other = TrainingConfig(**{**vars(BRIEF), "seed": 1})
    with pytest.raises(CheckpointError, match=r"another training: seed 0, not 1; remove"):
        train(TINY, corpus, other, tmp_path)
    with pytest.raises(CheckpointError, match="another corpus"):
        train(TINY, Corpus("other", corpus.train, corpus.held_out, "1" * 64), BRIEF, tmp_path)
    with pytest.raises(CheckpointError, match="another unit"):
        train(TINY, corpus, BRIEF, tmp_path, unit=some_unit())
    content = bytearray((tmp_path / CHECKPOINT).read_bytes())
    content[-5] ^= 1
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(CheckpointError, match="hash"):
        load_model(tmp_path)
    with pytest.raises(CheckpointError, match="hash"):
        train(TINY, corpus, BRIEF, tmp_path)
    some_unit().save(tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError, match="is a unit file"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nothing")


def test_loss_that_is_not_finite_stops_with_the_step(corpus, tmp_path):
    wild = TrainingConfig(**{**vars(BRIEF), "learning_rate": 1e30, "clip": 1e30})
    with pytest.raises(
        TrainingError, match=r"the astrocyte model isn't finite at step \d+; lower the learning"
    ):
        train(TINY, corpus, wild, tmp_path)


def test_text_shorter_than_the_context_is_refused(corpus, tmp_path):
    with pytest.raises(ValueError, match="held-out part has 900 bytes"):
        train(AstroSNNConfig(context=1000), corpus, BRIEF, tmp_path)


def test_generation_depends_on_the_seed_alone(corpus, tmp_path):
    train(TINY, corpus, BRIEF, tmp_path)
    model = load_model(tmp_path)
    a, b, c = (generate(model, b"the q", 60, seed=seed) for seed in (3, 3, 4))
    assert a == b != c
    assert len(a) == 60
    assert generate(model, b"the q", 30, 0.0, seed=1) == generate(model, b"the q", 30, 0.0, seed=2)
    assert generate(model, length=0) == b""
    for small in (1e-38, 1e-50, 5e-324):
        assert generate(model, b"the q", 30, small) == generate(model, b"the q", 30, 0.0)
    for options, message in (
        ({"prompt": b""}, "empty"),
        ({"length": -1}, "negative"),
        ({"length": -1}, "length can't be negative, got -1"),
        ({"temperature": -1}, "temperature can't be negative, got -1"),
        ({"temperature": float("nan")}, "temperature can't be negative, got nan"),
    ):
        with pytest.raises(ValueError, match=message):
            generate(model, **options)


def test_state_makes_pieces_the_same_as_the_whole():
    torch.manual_seed(0)
    for arm in ARMS:
        model = build_model(TINY.with_arm(arm)).double()
        text = torch.randint(256, (2, 40))
        whole, _ = model(text)
        first, state = model(text[:, :13])
        second, _ = model(text[:, 13:], state)
        torch.testing.assert_close(whole, torch.cat([first, second], 1), rtol=1e-9, atol=1e-9)


def test_unit_gives_the_time_constants():
    unit = some_unit(heads=2, keys=6)
    model = build_model(TINY, unit)
    got = model.blocks[0].amsu.constants
    torch.testing.assert_close(got["tau_H"].sort().values.min(), got["tau_H"][0])
    low, high = unit.values["tau_H"].min(), unit.values["tau_H"].max()
    assert ((got["tau_H"] >= low * 0.999) & (got["tau_H"] <= high * 1.001)).all()
    assert not torch.equal(got["tau_H"], build_model(TINY).blocks[0].amsu.constants["tau_H"])
    frozen = build_model(AstroSNNConfig(**{**vars(TINY), "trainable_constants": False}), unit)
    assert not any(p.requires_grad for p in frozen.blocks[0].amsu.log_constants.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arm": "lstm"}, "the arm should be one of"),
        ({"width": 25, "heads": 2}, "multiple of heads"),
        ({"depth": 0}, "depth should be positive"),
        ({"tau_H": (5.0, 1.0)}, "tau_H should be a positive range"),
        ({"tau_u": (5.0, float("inf"))}, "tau_u should be positive and finite"),
    ],
)
def test_impossible_configurations_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AstroSNNConfig(**options)
    with pytest.raises(ValueError, match="steps should be positive"):
        TrainingConfig(steps=0)
    with pytest.raises(ValueError, match="a model has no wdith"):
        AstroSNNConfig.from_json({"wdith": 3})


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed should be between 0 .* not {seed}"):
        TrainingConfig(seed=seed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ms_per_token": 500 * ms}, "ms_per_token is a number of milliseconds, got .*; pass 500"),
        ({"tau_channels": (2 * second, 32 * second)}, "tau_channels is a number of milliseconds"),
    ],
)
def test_times_with_a_unit_are_refused(options, message):
    with pytest.raises(TypeError, match=message):
        AstroSNNConfig(**options)


@pytest.mark.parametrize("arm", ARMS)
def test_models_say_which_shape_they_take(arm):
    model = build_model(TINY.with_arm(arm))
    for wrong in ((), (5,), (2, 0), (2, 1, 5)):
        with pytest.raises(ValueError, match=r"\(batch, tokens\) with at least one token, not \("):
            model(torch.zeros(wrong, dtype=torch.long))


def test_model_runs_in_bfloat16():
    logits, _ = build_model(TINY).bfloat16()(torch.randint(256, (2, 40)))
    assert logits.dtype == torch.bfloat16
    assert torch.isfinite(logits).all()


def test_interrupt_in_the_closing_evaluation_loses_no_figures(corpus, tmp_path):
    def stop(_, __, message):
        if "held-out" in message:
            signal.raise_signal(signal.SIGINT)

    results = compare_arms(TINY, corpus, BRIEF, tmp_path, progress=stop)
    assert list(results) == ["astrocyte"]
    assert results["astrocyte"]["status"] == "interrupted"
    assert results["astrocyte"]["steps"] == BRIEF.steps
    written = json.loads((tmp_path / "astrocyte" / "metrics.json").read_text())
    assert written == json.loads(json.dumps(results["astrocyte"]))
    assert train(TINY, corpus, BRIEF, tmp_path / "astrocyte") == {**results["astrocyte"], "status": "done"}


def test_checkpoint_is_found_in_the_only_folder_that_has_one(corpus, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no {CHECKPOINT} in"):
        load_model(tmp_path)
    train(TINY, corpus, BRIEF, tmp_path / "astrocyte")
    (tmp_path / "figures").mkdir()
    assert torch.equal(load_model(tmp_path).head.weight, load_model(tmp_path / "astrocyte").head.weight)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / CHECKPOINT).write_bytes((tmp_path / "astrocyte" / CHECKPOINT).read_bytes())
    with pytest.raises(FileNotFoundError, match=r"choose one of .*astrocyte, .*cut$"):
        load_model(tmp_path)
