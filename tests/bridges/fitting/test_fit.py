"""Fits to what Brian2 itself simulated: known parameters come back, and impossible tasks are refused."""

import json
import warnings

import numpy as np
import pytest
import torch
from brian2 import (
    DimensionMismatchError,
    Network,
    NeuronGroup,
    Quantity,
    StateMonitor,
    TimedArray,
    defaultclock,
    ms,
    mV,
    nmolar,
    prefs,
    second,
    umolar,
)
from brian2.units.fundamentalunits import get_dimensions
from scipy import stats
from torch.autograd import forward_ad

from astrobrian.bridges import FitError, FitWarning, Trace, fit_parameters
from astrobrian.bridges.fitting.simulation import Simulation
from astrobrian.equations import gchi, li_rinzel_stochastic, models
from astrobrian.equations.model import Model, ModelError
from astrobrian.equations.parameter import Input, Parameter

RATE = umolar / second
POOL = Model(
    "pool",
    """dC/dt = J - C/tau : mmolar
    F = C/(C + K) : 1""",
    {
        "tau": Parameter(2, "second", "time constant"),
        "K": Parameter(1, "umolar", "affinity"),
        "gain": Parameter(1, "1", "has no effect here"),
    },
    inputs={"J": Input("umolar/second", "flux", default=0.0)},
    initial={"C": "0.1*umolar"},
)
STEPS = TimedArray([0, 1, 0, 0.5, 0, 0] * umolar / second, dt=2 * second)
TAU = {"tau": (0.2 * second, 20 * second)}


@pytest.fixture(autouse=True)
def _numpy_target():
    before = prefs.codegen.target
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target = before


def simulated(model, observed, duration, dt, inputs=(), noise=0.0, seed=0, cells=1, every=1, method="rk4"):
    """A trace that Brian2 computes, with white noise as a part of its standard deviation."""
    defaultclock.dt = dt
    group = NeuronGroup(cells, model.equations, method=method)
    for name, item in model.constants.items():
        setattr(group, name, item.quantity)
    for name, value in model.initial.items():
        setattr(group, name, value)
    for name in inputs:
        group.run_regularly(f"{name} = driven_{name}(t)", dt=dt)
    monitor = StateMonitor(group, observed, record=True, dt=every * dt)
    network = Network(group, monitor)
    network.run(duration, namespace={f"driven_{name}": drive for name, drive in dict(inputs).items()})
    values = getattr(monitor, observed)
    clean = np.asarray(values)
    noisy = clean + noise * clean.std() * np.random.default_rng(seed).standard_normal(clean.shape)
    return Trace(monitor.t[:], Quantity(noisy, dim=get_dimensions(values)))


def fitted(*arguments, starts=2, profile=False, dt=100 * ms, **settings):
    return fit_parameters(*arguments, starts=starts, profile=profile, dt=dt, **settings)


def holds(fit, name, true):
    low, high = fit.intervals[name]
    return low <= true <= high


def test_what_brian2_simulated_without_noise_comes_back_exactly():
    trace = simulated(POOL(tau=1.3 * second), "C", 10 * second, 100 * ms, {"J": STEPS})
    fit = fitted(POOL, trace, TAU, "C", inputs={"J": STEPS})
    assert float(fit.values["tau"]) == pytest.approx(1.3, rel=1e-6)
    assert float(fit.noise) < 1e-9 * np.abs(np.asarray(trace.values)).max()


def test_parameters_lie_in_their_intervals_and_the_model_goes_back_to_brian2():
    true = POOL(tau=1.3 * second)
    trace = simulated(true, "C", 12 * second, 100 * ms, {"J": STEPS}, noise=0.05)
    fit = fitted(POOL, trace, TAU, "C", inputs={"J": STEPS}, profile=True)
    assert holds(fit, "tau", 1.3 * second)
    assert float(fit.noise) == pytest.approx(np.asarray(fit.residuals[0]).std(), rel=0.05)
    assert float(fit.model.parameters["tau"].quantity) == pytest.approx(float(fit.values["tau"]), rel=1e-10)
    again = simulated(fit.model, "C", 12 * second, 100 * ms, {"J": STEPS})
    np.testing.assert_allclose(np.asarray(again.values), np.asarray(fit.predicted[0]), rtol=1e-7)


def test_an_input_can_be_fitted_and_intervals_by_both_ways_agree():
    trace = simulated(POOL(J=0.7 * umolar / second), "C", 10 * second, 100 * ms, noise=0.05)
    ranges = {"J": (0.01 * umolar / second, 5 * umolar / second), **TAU}
    fit = fitted(POOL, trace, ranges, "C", profile=True)
    assert list(fit.values) == ["J", "tau"]
    for name, true in {"J": 0.7 * umolar / second, "tau": 2 * second}.items():
        assert holds(fit, name, true)
        by_hessian, by_profile = fit.hessian[name], fit.profiles[name].interval
        width = by_hessian.high - by_hessian.low
        assert (by_profile.low, by_profile.high) == pytest.approx(
            (by_hessian.low, by_hessian.high), abs=0.1 * width
        )
    assert float(fit.model.inputs["J"].quantity) == pytest.approx(float(fit.values["J"]))


def test_fluorescence_is_fitted_with_a_scale_and_an_offset_of_each_cell():
    trace = simulated(POOL(tau=1.3 * second), "C", 12 * second, 100 * ms, {"J": STEPS}, cells=2)
    calcium = np.asarray(trace.values)
    scale, offset = np.array([[3e3], [8e3]]), np.array([[0.2], [-1.0]])
    rng = np.random.default_rng(0)
    recorded = scale * calcium + offset + 0.05 * rng.standard_normal(calcium.shape)
    fit = fitted(POOL, Trace(trace.times, recorded, ["a", "b"]), TAU, "C", inputs={"J": STEPS}, affine=True)
    assert holds(fit, "tau", 1.3 * second)
    per_mmolar = [float(s) for s in fit.scales.values()]
    assert list(fit.scales) == ["a", "b"] and per_mmolar == pytest.approx([3e3, 8e3], rel=0.05)
    assert [float(o) for o in fit.offsets.values()] == pytest.approx([0.2, -1.0], abs=0.05)
    assert np.asarray(fit.residuals[0]).std() == pytest.approx(0.05, rel=0.15)


def test_a_trace_that_falls_where_the_variable_rises_is_warned_of():
    trace = simulated(POOL, "C", 12 * second, 100 * ms, {"J": STEPS}, noise=0.02)
    with pytest.warns(FitWarning, match="the scale of cell 0 is negative"):
        fitted(
            POOL,
            Trace(trace.times, -1000 * np.asarray(trace.values)),
            TAU,
            "C",
            inputs={"J": STEPS},
            affine=True,
        )


def test_unknown_initial_values_are_fitted_for_each_cell():
    one = simulated(POOL, "C", 5 * second, 100 * ms, noise=0.02)
    begin = {"C": (0.001 * umolar, 10 * umolar)}
    from dataclasses import replace

    other = simulated(replace(POOL, initial={"C": "2*umolar"}), "C", 5 * second, 100 * ms, noise=0.02, seed=1)
    both = Trace(one.times, Quantity(np.concatenate([one.values, other.values]), dim=umolar.dim), ["a", "b"])
    fit = fitted(POOL, both, TAU, "C", initial=begin)
    assert list(fit.values) == ["tau", "C(0) of a", "C(0) of b"]
    for name, true in {"tau": 2 * second, "C(0) of a": 0.1 * umolar, "C(0) of b": 2 * umolar}.items():
        assert float(fit.values[name]) == pytest.approx(float(true), rel=0.1)
    alone = fitted(POOL, other, TAU, "C", initial=begin)
    again = simulated(alone.model, "C", 5 * second, 100 * ms)
    np.testing.assert_allclose(np.asarray(again.values), np.asarray(alone.predicted[0]), rtol=1e-7)


def test_a_known_initial_value_stands_in_for_the_model_s():
    trace = simulated(POOL, "C", 5 * second, 100 * ms)
    assert float(fitted(POOL, trace, TAU, "C").noise) < 1e-9
    assert float(fitted(POOL, trace, TAU, "C", initial={"C": 0.2 * umolar}).noise) > 1e-6


def test_gaps_and_uneven_samples_are_simulated_between_time_steps():
    trace = simulated(POOL(tau=1.3 * second), "C", 12 * second, 10 * ms, {"J": STEPS}, noise=0.02)
    rng = np.random.default_rng(0)
    some = np.sort(rng.choice(len(trace.times), 150, replace=False))
    values = np.asarray(trace.values)[:, some].copy()
    values[0, ::7] = np.nan
    uneven = Trace(trace.times[some], Quantity(values, dim=umolar.dim))
    # steps begin at the first sample, so that the input jumps within them
    fit = fitted(
        POOL, uneven, TAU, "C", inputs={"J": STEPS}, initial={"C": (0.01 * umolar, 1 * umolar)}, dt=50 * ms
    )
    assert holds(fit, "tau", 1.3 * second)
    assert np.isnan(np.asarray(fit.residuals[0])[0, ::7]).all()
    assert np.isfinite(np.asarray(fit.predicted[0])).all()


def test_several_traces_with_inputs_of_their_own_share_parameters():
    true = POOL(tau=1.3 * second)
    other = TimedArray([1, 0, 0] * umolar / second, dt=1 * second)
    first = simulated(true, "C", 12 * second, 100 * ms, {"J": STEPS}, noise=0.05)
    second_ = simulated(true, "C", 5 * second, 100 * ms, {"J": other}, noise=0.05, seed=1)
    fit = fitted(POOL, [first, second_], TAU, "C", inputs=[{"J": STEPS}, {"J": other}])
    assert holds(fit, "tau", 1.3 * second)
    alone = fitted(POOL, first, TAU, "C", inputs={"J": STEPS})
    widths = [float(high - low) for low, high in (fit.intervals["tau"], alone.intervals["tau"])]
    assert widths[0] < widths[1]
    assert [p.shape for p in fit.predicted] == [(1, 120), (1, 50)]


def test_an_input_can_be_a_trace_or_one_for_each_cell():
    each = [[0, 1, 0], [1, 0, 0]]
    alone = [TimedArray(values * RATE, dt=2 * second) for values in each]
    paths = [simulated(POOL, "C", 6 * second, 100 * ms, {"J": drive}) for drive in alone]
    both = Trace(paths[0].times, Quantity(np.concatenate([p.values for p in paths]), dim=umolar.dim))
    for drive in (
        TimedArray(np.transpose(each) * RATE, dt=2 * second),
        Trace([0, 2, 4] * second, np.array(each) * RATE),
    ):
        fit = fitted(POOL, both, TAU, "C", inputs={"J": drive})
        assert float(fit.values["tau"]) == pytest.approx(2, rel=1e-4)


def test_a_subexpression_can_be_what_was_recorded():
    trace = simulated(POOL(J=1 * umolar / second), "F", 10 * second, 100 * ms)
    later = Trace(trace.times[1:], Quantity(np.asarray(trace.values)[:, 1:]))
    fit = fitted(POOL(J=1 * umolar / second), later, {**TAU, "K": (0.1 * umolar, 10 * umolar)}, "F")
    assert float(fit.values["tau"]) == pytest.approx(2, rel=1e-5)
    assert float(fit.values["K"]) == pytest.approx(1e-3, rel=1e-5)


def test_what_is_not_identified_is_warned_of_by_name():
    trace = simulated(POOL, "C", 10 * second, 100 * ms, {"J": STEPS}, noise=0.05)
    ranges = {**TAU, "gain": (0.1, 10.0)}
    with pytest.warns(FitWarning, match="gain has no effect on what was recorded"):
        fit = fitted(POOL, trace, ranges, "C", inputs={"J": STEPS}, profile=True)
    assert fit.intervals["gain"] == (0.1, 10.0)
    assert "the 95% interval of gain reaches its lower and its upper bound" in fit.warnings
    assert not any("tau" in warning for warning in fit.warnings)
    assert np.isnan(fit.correlation[1]).all()


def test_a_model_that_misses_something_is_warned_of():
    trace = simulated(POOL, "C", 12 * second, 100 * ms, {"J": STEPS}, noise=0.01)
    with pytest.warns(FitWarning, match=r"residuals are correlated"):
        fitted(POOL, trace, TAU, "C", inputs={"J": 0.2 * umolar / second})


def test_a_value_at_its_bound_is_warned_of():
    trace = simulated(POOL, "C", 12 * second, 100 * ms, {"J": STEPS}, noise=0.01)
    with pytest.warns(FitWarning, match="interval of tau reaches its upper bound"):
        fit = fitted(POOL, trace, {"tau": (0.1 * second, 1 * second)}, "C", inputs={"J": STEPS})
    assert float(fit.values["tau"]) == pytest.approx(1, rel=1e-3)


def test_a_fit_is_repeatable_and_tells_how_far_it_is():
    trace = simulated(POOL, "C", 5 * second, 100 * ms, noise=0.05)
    told = []
    fits = [
        fitted(POOL, trace, TAU, "C", profile=True, seed=3, progress=lambda *words: told.append(words))
        for _ in range(2)
    ]
    assert fits[0].values["tau"] == fits[1].values["tau"]
    assert {stage for stage, _, _ in told} == {"fit", "profile"}
    assert all(0 <= done <= 1 for _, done, _ in told)


def test_the_summary_is_json_and_the_plot_a_figure(tmp_path):
    trace = simulated(POOL, "C", 5 * second, 100 * ms, noise=0.05)
    fit = fitted(POOL, trace, {**TAU, "gain": (0.1, 10.0)}, "C", profile=True)
    fit.save(tmp_path / "fit.json")
    read = json.loads((tmp_path / "fit.json").read_text())
    assert read["parameters"]["tau"]["unit"] == "second"
    assert (
        read["parameters"]["tau"]["low"]
        < read["parameters"]["tau"]["value"]
        < read["parameters"]["tau"]["high"]
    )
    assert read["parameters"]["gain"]["low_is_bound"] is True
    assert read["intervals_by"] == "profile" and read["samples"] == 50
    assert "beware: not identified: gain has no effect" in str(fit)
    pytest.importorskip("matplotlib")
    assert len(fit.plot().axes) >= 3


def some_trace():
    return Trace(np.arange(5) * second, np.array([1.0, 2, 3, 2, 1]) * umolar)


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        ((TAU, "Ca"), {}, ModelError, "pool has no variable Ca; it has C, F"),
        (({"tua": (1 * second, 2 * second)}, "C"), {}, ModelError, "no parameter tua; did you mean tau"),
        (({"tau": (1 * mV, 2 * mV)}, "C"), {}, DimensionMismatchError, "tau of pool"),
        (({"tau": (2 * second, 1 * second)}, "C"), {}, ValueError, "bounds of tau should be finite"),
        (({"tau": (-1 * second, 1 * second)}, "C"), {}, ModelError, "can't be negative"),
        (({"tau": 1 * second}, "C"), {}, ValueError, "tau needs two bounds"),
        (({}, "C"), {}, ValueError, "no parameter to fit"),
        ((TAU, "F"), {}, DimensionMismatchError, "read it with its unit, or fit it with affine=True"),
        ((TAU, "C"), {"inputs": {"J": 1 * second}}, DimensionMismatchError, "J of pool should be in"),
        ((TAU, "C"), {"inputs": {"Q": 1 * second}}, ModelError, "pool has no input Q"),
        ((TAU, "C"), {"inputs": {"tau": 1 * second}}, ModelError, "tau can't be both given and fitted"),
        ((TAU, "C"), {"inputs": [{}, {}]}, ValueError, "1 traces and inputs for 2"),
        ((TAU, "C"), {"inputs": {"J": np.inf * umolar / second}}, ValueError, "isn't finite"),
        ((TAU, "C"), {"initial": {"h": 0.5}}, ModelError, "no state h; it has C"),
        ((TAU, "C"), {"initial": {"C": 0.5}}, DimensionMismatchError, "initial value of C of pool"),
        ((TAU, "C"), {"level": 95}, ValueError, "between 0 and 1"),
        ((TAU, "C"), {"starts": 0}, ValueError, "at least one start"),
        ((TAU, "C"), {"dt": 0 * ms}, ValueError, "dt should be positive"),
        ((TAU, "C"), {"method": "rk5"}, ValueError, "rk5"),
        (
            ({**TAU, "K": (1 * umolar, 2 * umolar), "gain": (1.0, 2.0)}, "C"),
            {"affine": True},
            ValueError,
            "5 samples are too few to fit 5 unknowns",
        ),
    ],
)
def test_impossible_tasks_are_refused(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        fitted(POOL, some_trace(), *arguments, **settings)


def test_inputs_and_traces_that_do_not_belong_together_are_refused():
    three = TimedArray(np.zeros((2, 3)) * umolar / second, dt=1 * second)
    with pytest.raises(ValueError, match="the input J has 3 cells and the trace 1"):
        fitted(POOL, some_trace(), TAU, "C", inputs={"J": three})
    with pytest.raises(ValueError, match="no trace"):
        fitted(POOL, [], TAU, "C")
    with pytest.raises(DimensionMismatchError, match="trace 1 has another unit"):
        fitted(POOL, [some_trace(), Trace(np.arange(3) * second, np.ones(3) * mV)], TAU, "C")


def test_a_stochastic_model_is_refused():
    ranges = {"O_P": (0.1 * RATE, 3 * RATE)}
    with pytest.raises(ModelError, match=r"stochastic .* fit its deterministic counterpart"):
        fitted(li_rinzel_stochastic, some_trace(), ranges, "C", method="milstein")


@pytest.mark.parametrize(
    ("model", "parameter", "observed", "given", "method", "dt"),
    [
        # the first event is at 4 s
        ("gchi + gliotransmission", "U_A", "x_A", {"Y_S": 2 * umolar}, "rk4", 50 * ms),
        ("presynaptic_receptors", "O_G", "Gamma_S", {"G_A_astro": 1e-3}, "exponential_euler", 50 * ms),
        ("lavrentovich_hemkin", "k_deg", "Ca", {}, "rk4", 20 * ms),
    ],
)
def test_models_of_the_library_can_be_fitted(model, parameter, observed, given, method, dt):
    """Between bounds about the declared value, to what the model itself gives there."""
    first, *rest = (models()[name] for name in model.split(" + "))
    whole = sum(rest, start=first)
    value = whole.constants[parameter].quantity
    times = np.arange(0, 6, 0.2) * second
    blank = Trace(times, np.ones(30))
    task = Simulation(whole, observed, [blank], [given], [parameter], [], {}, method, dt)
    path = task.predict(torch.tensor([[float(value)]], dtype=torch.float64))[0].numpy()
    recorded = Trace(times, Quantity(path, dim=whole.equations[observed].dim))
    ranges = {parameter: (0.5 * value, 1.5 * value)}
    fit = fitted(whole, recorded, ranges, observed, inputs=given, method=method, dt=dt)
    assert float(fit.values[parameter] / value) == pytest.approx(1, rel=1e-3)


def test_a_simulation_that_diverges_is_an_error():
    with pytest.raises(FitError, match="diverges wherever it was tried between the bounds of tau"):
        long = Trace(np.arange(0, 1000) * second, np.ones(1000) * umolar)
        fitted(POOL, long, {"tau": (0.1 * ms, 1 * ms)}, "C", method="euler")


def test_the_differences_are_the_derivatives_that_torch_finds():
    """On G-ChI, by Torch's forward derivatives of the module itself."""
    drive = TimedArray([2, 0] * umolar, dt=2 * second)
    trace = Trace(np.arange(0, 5, 0.25) * second, np.ones(20) * nmolar)
    drives = [{"Y_S": drive}]
    simulation = Simulation(gchi, "C", [trace], drives, ["O_beta", "O_P"], ["I"], {}, "rk4", 100 * ms)
    values = torch.tensor([[1e-3, 9e-4, 5e-5]], dtype=torch.float64)
    with torch.no_grad(), forward_ad.dual_level(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dual = simulation.predict(
            forward_ad.make_dual(values.repeat(3, 1), torch.eye(3, dtype=torch.float64))
        )
        exact = forward_ad.unpack_dual(dual).tangent
    step = 1e-5 * torch.diag(values[0])
    with torch.no_grad():
        differences = (simulation.predict(values + step) - simulation.predict(values - step)) / 2e-5
    torch.testing.assert_close(differences / values[0][:, None], exact, rtol=1e-6, atol=1e-8)


GLUTAMATE = TimedArray([2, 0, 0, 2, 0, 0] * umolar, dt=5 * second)


def test_parameters_of_gchi_lie_in_their_intervals():
    """Simulated by Brian2 with a fifth of the time step."""
    true = {"O_beta": 1.1 * RATE, "O_delta": 0.3 * RATE}
    trace = simulated(gchi(**true), "C", 20 * second, 20 * ms, {"Y_S": GLUTAMATE}, noise=0.05, every=10)
    ranges = {"O_beta": (0.1 * RATE, 5 * RATE), "O_delta": (0.03 * RATE, 3 * RATE)}
    fit = fitted(gchi, trace, ranges, "C", inputs={"Y_S": GLUTAMATE})
    assert all(holds(fit, name, value) for name, value in true.items())
    assert all(float(high / low) < 1.5 for low, high in fit.intervals.values())


@pytest.mark.slow
@pytest.mark.parametrize("affine", [False, True], ids=["concentration", "fluorescence"])
def test_four_parameters_of_gchi_are_covered_as_often_as_intervals_say(affine):
    """Of 120 s under pulses of glutamate, three times with other noise."""
    true = {"O_beta": 1.1 * RATE, "O_delta": 0.3 * RATE, "O_3K": 4.5 * RATE, "Omega_5P": 0.08 / second}
    ranges = {name: (value / 10, 5 * value) for name, value in true.items()}
    pulses = TimedArray([2, 0, 0, 0] * 3 * umolar, dt=10 * second)
    hits = 0
    for seed in range(3):
        trace = simulated(gchi(**true), "C", 120 * second, 20 * ms, {"Y_S": pulses}, 0.05, seed, every=10)
        if affine:
            trace = Trace(trace.times, 4000 * np.asarray(trace.values) + 0.3)
        fit = fitted(gchi, trace, ranges, "C", inputs={"Y_S": pulses}, affine=affine, starts=16)
        hits += sum(holds(fit, name, value) for name, value in true.items())
        assert all(
            float(fit.values[name] / value) == pytest.approx(1, rel=0.03) for name, value in true.items()
        )
    assert hits >= stats.binom.ppf(0.001, 12, 0.95)
