"""What is trained beside AM-SUs does what it is said to do, and a row says what it lacks."""

import pytest
import torch

from astrobrian.studies.benchmarks import amsu, layers, needs


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for name, size in {"BATCH": 2, "WIDTH": 16, "HEADS": 2}.items():
        monkeypatch.setattr(layers, name, size)
    monkeypatch.setattr(amsu, "SECONDS", 0.0)


@pytest.mark.parametrize("layer", ["unit", "unit_with_tanh", "gru", "amsu", "attention", "snntorch_leaky"])
def test_a_layer_takes_a_training_step(layer):
    if layer.startswith("snntorch"):
        pytest.importorskip("snntorch")
    output = getattr(layers, layer)(30, "cpu")()
    assert output.numel() == 2 * 30 * 16
    assert torch.isfinite(output).all() and output.any()
    assert amsu.timed(layer, 30, "cpu")["ms"] > 0


def test_the_neuron_of_spikingjelly_spikes_as_the_unit_does():
    pytest.importorskip("spikingjelly")
    ours, theirs = layers.unit(400, "cpu")(), layers.spikingjelly_lif(400, "cpu")().transpose(0, 1)
    assert 0.01 < ours.mean() < 0.5
    assert (ours != theirs).float().mean() < amsu.SAME


def test_attention_is_that_of_torch():
    torch.manual_seed(0)
    ours, theirs = layers.Attention(), torch.nn.MultiheadAttention(16, 2, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.sides.weight,
            "in_proj_bias": ours.sides.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    x = torch.randn(2, 9, 16)
    later = torch.nn.Transformer.generate_square_subsequent_mask(9)
    torch.testing.assert_close(ours(x), theirs(x, x, x, attn_mask=later, is_causal=True)[0])


def test_what_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    assert "astrobrian[torch]" in amsu.unit_and_layer.missing()
    assert "--no-deps spikingjelly" in needs.no_spikingjelly()
    monkeypatch.setattr(needs, "find_spec", lambda name: name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for row in (amsu.on_a_gpu, amsu.unit_and_spikingjelly_on_a_gpu):
        assert "no GPU" in row.missing()
