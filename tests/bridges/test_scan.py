"""A declaration walked along a sequence: against theory, and the fused operator against the eager loop."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges.amsu import CUT_MEMBRANE, KEY, MEMBRANE
from astrobrian.bridges.scan import FUSED, eager_scan, scan
from astrobrian.bridges.torch_codegen import Spike, token_step
from astrobrian.equations import Input, Model, Parameter

pytestmark = pytest.mark.skipif(not FUSED, reason="there is no C++ compiler")

STEPS = {"key": KEY, "membrane": MEMBRANE, "cut membrane": CUT_MEMBRANE}


def case(step, batch=2, tokens=9, cells=3, seed=0, dtype=torch.float64):
    dice = torch.Generator().manual_seed(seed)

    def values(*shape):
        return torch.randn(*shape, generator=dice, dtype=dtype).requires_grad_()

    states = {name: values(batch, cells) for name in step.states}
    inputs = {name: values(batch, tokens, cells) for name in step.inputs}
    parameters = {
        name: (0.3 * values(cells).detach().abs() + 0.2).requires_grad_() for name in step.parameters
    }
    return states, inputs, parameters


def test_leaky_integration_follows_its_analytic_response():
    tau, dt, drive = 20.0, 1.0, 0.7
    x = torch.full((1, 100, 1), drive, dtype=torch.float64)
    _, trajectory = scan(
        KEY,
        {"r": torch.zeros(1, 1, dtype=torch.float64)},
        {"x_k": x},
        {"tau_r": torch.tensor([tau]).double()},
        dt,
    )
    time = torch.arange(1, 101, dtype=torch.float64) * dt
    torch.testing.assert_close(
        trajectory["r"][0, :, 0], drive * (1 - torch.exp(-time / tau)), rtol=1e-12, atol=0
    )


def test_constant_current_gives_the_rate_of_the_spike_response_model():
    # between spikes u relaxes to the current with tau; the reset subtracts theta: a leaky unit of textbook form,
    # U[t+1] = beta U[t] + (1 - beta) I - S theta with beta = exp(-dt/tau), written out here
    tau, theta, current = 4.0, 0.5, 0.9
    beta = torch.exp(torch.tensor(-1 / tau, dtype=torch.float64))
    u, expected = torch.zeros((), dtype=torch.float64), []
    for _ in range(200):
        u = beta * u + (1 - beta) * current
        expected.append(float(u > theta))
        u = u - theta * expected[-1]
    x = torch.full((1, 200, 1), current, dtype=torch.float64).atanh()
    p = {"tau_u": torch.tensor([tau]).double(), "theta": torch.tensor([theta]).double()}
    spikes, _ = scan(CUT_MEMBRANE, {"u": torch.zeros(1, 1, dtype=torch.float64)}, {"x": x}, p, 1.0)
    assert spikes[0, :, 0].tolist() == expected
    assert 0 < sum(expected) < 200


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_fused_operator_is_the_eager_loop_with_its_gradients(name, dtype, tolerance):
    step = STEPS[name]
    states, inputs, parameters = case(step, tokens=60, cells=5, dtype=dtype)
    leaves = [*states.values(), *inputs.values(), *parameters.values()]
    weight = torch.randn(2, 60, 5, generator=torch.Generator().manual_seed(1), dtype=dtype)
    outcomes = []
    for fused in (True, False):
        spikes, trajectories = scan(step, states, inputs, parameters, 0.8, fused)
        loss = sum((y * weight).sum() for y in trajectories.values())
        if spikes is not None:
            loss = loss + (spikes * weight.flip(1)).sum()
        outcomes.append((spikes, *trajectories.values(), *torch.autograd.grad(loss, leaves)))
    for fused, eager in zip(*outcomes, strict=True):
        torch.testing.assert_close(fused, eager, rtol=tolerance, atol=tolerance)
    if outcomes[0][0] is not None:
        assert outcomes[0][0].unique().numel() == 2
        assert torch.equal(outcomes[0][0], outcomes[1][0])


def test_gradient_of_the_smooth_walk_is_right():
    states, inputs, parameters = case(KEY)

    def walk(r, x_k, tau_r):
        return scan(KEY, {"r": r}, {"x_k": x_k}, {"tau_r": tau_r}, 0.7)[1]["r"]

    assert torch.autograd.gradcheck(walk, (states["r"], inputs["x_k"], parameters["tau_r"]))


def test_gradient_of_the_membrane_is_right_where_it_is_smooth():
    # far below the threshold no spike comes; the surrogate is cut out by reading the membrane alone, with a high theta
    states, inputs, parameters = case(CUT_MEMBRANE)
    parameters["theta"] = torch.full((3,), 1e6, dtype=torch.float64)

    def walk(u, x, tau_u):
        return scan(CUT_MEMBRANE, {"u": u}, {"x": x}, {"tau_u": tau_u, "theta": parameters["theta"]}, 0.7)[1][
            "u"
        ]

    # the surrogate's slope at such a distance, times theta, is 1e6/(1 + (pi 1e6)^2): 1e-7
    assert torch.autograd.gradcheck(walk, (states["u"], inputs["x"], parameters["tau_u"]), atol=1e-5)


def test_spike_is_a_step_with_the_slope_of_an_arctangent():
    z = torch.linspace(-2, 2, 41, dtype=torch.float64, requires_grad=True)
    spikes = Spike.apply(z)
    assert torch.equal(spikes, (z > 0).double())
    (slope,) = torch.autograd.grad(spikes.sum(), z)
    torch.testing.assert_close(slope, 1 / (1 + (torch.pi * z.detach()) ** 2))


@settings(max_examples=20, deadline=None)
@given(tokens=st.integers(2, 30), cut=st.integers(1, 29), seed=st.integers(0, 1000))
def test_pieces_are_bit_equal_to_the_whole(tokens, cut, seed):
    cut = min(cut, tokens - 1)
    states, inputs, parameters = case(MEMBRANE, tokens=tokens, seed=seed, dtype=torch.float32)
    with torch.no_grad():
        whole, all_states = scan(MEMBRANE, states, inputs, parameters, 1.0)
        first, middle = scan(MEMBRANE, states, {n: x[:, :cut] for n, x in inputs.items()}, parameters, 1.0)
        at_cut = {n: x[:, -1] for n, x in middle.items()}
        second, end = scan(MEMBRANE, at_cut, {n: x[:, cut:] for n, x in inputs.items()}, parameters, 1.0)
    assert torch.equal(whole, torch.cat([first, second], 1))
    assert torch.equal(all_states["u"][:, -1], end["u"][:, -1])


def test_threads_change_nothing():
    states, inputs, parameters = case(MEMBRANE, batch=5, tokens=300, cells=60)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            spikes, trajectory = scan(MEMBRANE, states, inputs, parameters, 1.0)
            gradient = torch.autograd.grad(spikes.sum() + trajectory["u"].sum(), list(inputs.values()))
            results.append((spikes, trajectory["u"], *gradient))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_two_coupled_states_and_a_nonlinear_reset():
    """The generator isn't made for the AM-SU alone."""
    model = Model(
        "adaptive",
        """
        dw/dt = -w/tau_w : 1
        du/dt = (x*x - w - u)/tau_u : 1
        """,
        {"tau_w": Parameter(10, "ms", "adaptation"), "tau_u": Parameter(3, "ms", "membrane")},
        inputs={"x": Input("1", "signal")},
        threshold="u > 0.4",
        reset="w += 0.3*u\nu *= 0.1",
    )
    step = token_step(model)
    states, inputs, parameters = case(step, tokens=40)
    fused, eager = (
        scan(step, states, inputs, parameters, 1.0),
        eager_scan(step, states, inputs, parameters, 1.0),
    )
    assert torch.equal(fused[0], eager[0])
    assert 0 < fused[0].mean() < 1
    leaves = [*states.values(), *inputs.values(), *parameters.values()]
    gradients = [
        torch.autograd.grad(s.sum() + t["u"].sum() + (t["w"] ** 2).sum(), leaves) for s, t in (fused, eager)
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("text", "threshold", "reset", "message"),
    [
        ("du/dt = -u**2/tau : 1", None, "", "exact step"),
        ("du/dt = -u/tau : 1", "u > 1 and u < 2", "", "one comparison"),
        ("du/dt = -u/tau : 1", "u > 1", "tau = 2*ms", "one of its states"),
    ],
)
def test_declarations_without_such_a_step_are_refused(text, threshold, reset, message):
    model = Model("odd", text, {"tau": Parameter(1, "ms", "time constant")}, threshold=threshold, reset=reset)
    with pytest.raises(ValueError, match=message):
        token_step(model)


def test_fused_operator_refuses_second_derivatives_which_the_eager_loop_has():
    states, inputs, parameters = case(KEY)

    def second(fused):
        _, trajectory = scan(KEY, states, inputs, parameters, 0.7, fused)
        (slope,) = torch.autograd.grad(trajectory["r"].square().sum(), parameters["tau_r"], create_graph=True)
        return torch.autograd.grad(slope.sum(), parameters["tau_r"])[0]

    assert second(fused=False).abs().min() > 0
    with pytest.raises(RuntimeError, match=r"first derivatives only: .* fused=False"):
        second(fused=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_precisions_take_the_eager_loop(dtype):
    states, inputs, parameters = case(MEMBRANE, dtype=dtype)
    spikes, _ = scan(MEMBRANE, states, inputs, parameters, 0.8, fused=True)
    expected, _ = eager_scan(MEMBRANE, states, inputs, parameters, 0.8)
    assert spikes.dtype == dtype
    assert torch.equal(spikes, expected)


@pytest.mark.parametrize(
    ("given", "common"), [(torch.bfloat16, torch.float32), (torch.float64, torch.float64)]
)
def test_precisions_that_meet_are_promoted_as_in_the_eager_loop(given, common):
    states, inputs, parameters = case(KEY, dtype=torch.float32)
    inputs = {name: value.to(given) for name, value in inputs.items()}
    _, trajectory = scan(KEY, states, inputs, parameters, 0.8, fused=True)
    _, expected = eager_scan(KEY, states, inputs, parameters, 0.8)
    assert trajectory["r"].dtype == common
    torch.testing.assert_close(trajectory["r"], expected["r"], rtol=1e-6, atol=1e-6, check_dtype=False)


def test_under_autocast_the_fused_operator_works_in_single_precision():
    states, inputs, parameters = case(MEMBRANE, dtype=torch.float32)
    eye = torch.eye(3)
    with torch.autocast("cpu", torch.bfloat16):
        x = inputs["x"] @ eye
        spikes, trajectory = scan(MEMBRANE, states, inputs | {"x": x}, parameters, 0.8, fused=True)
    assert x.dtype == torch.bfloat16
    assert spikes.dtype == trajectory["u"].dtype == torch.float32
    expected, _ = scan(MEMBRANE, states, inputs | {"x": x.float()}, parameters, 0.8, fused=True)
    assert torch.equal(spikes, expected)
