"""A recurrence in C++: against the eager loop, which is Torch's own arithmetic and autograd, and against itself in pieces."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobrian.bridges.kernels.operators import fused_scan
from astrobrian.bridges.scan import eager_scan
from astrobrian.bridges.torch_codegen import token_step
from astrobrian.equations import Input, Model, Parameter
from astrobrian.equations.library.amsu import amsu_astrocyte, amsu_key, amsu_membrane
from astrobrian.equations.library.spiking_units import first_order_unit, second_order_unit

MEMBRANE = token_step(amsu_membrane)
STEPS = {
    "amsu_membrane": MEMBRANE,
    "amsu_membrane without o": MEMBRANE.without("o"),
    "amsu_key": token_step(amsu_key),
    "amsu_astrocyte": token_step(amsu_astrocyte),
    "first_order_unit": token_step(first_order_unit),
    "second_order_unit": token_step(second_order_unit),
}
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-10}


def case(step, batch=2, tokens=9, cells=3, seed=0, dtype=torch.float64):
    dice = torch.Generator().manual_seed(seed)

    def values(*shape):
        return torch.randn(*shape, generator=dice, dtype=dtype).requires_grad_()

    states = {name: values(batch, cells) for name in step.states}
    inputs = {name: values(batch, tokens, cells) for name in step.inputs}
    parameters = {
        name: (3 * torch.rand(cells, generator=dice, dtype=dtype) + 0.3).requires_grad_()
        for name in step.parameters
    }
    return states, inputs, parameters


def outcome(scan, step, states, inputs, parameters, dt=0.8):
    """Spikes, trajectories, and the gradients of a loss that all of them enter."""
    spikes, trajectories = scan(step, states, inputs, parameters, dt)
    outputs = [y for y in (spikes, *trajectories.values()) if y is not None]
    dice = torch.Generator().manual_seed(1)
    loss = sum((y * torch.randn(y.shape, generator=dice).to(y.dtype)).sum() for y in outputs)
    leaves = [*states.values(), *inputs.values(), *parameters.values()]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return spikes, trajectories, gradients


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", STEPS)
def test_it_is_the_eager_loop_with_its_gradients(name, dtype):
    step = STEPS[name]
    drawn = case(step, batch=3, tokens=200, cells=70, dtype=dtype)
    exact = [{n: y.detach().double().requires_grad_() for n, y in group.items()} for group in drawn]
    fused, eager, double = (
        outcome(scan, step, *given)
        for scan, given in ((fused_scan, drawn), (eager_scan, drawn), (eager_scan, exact))
    )
    if step.spike is not None:
        assert torch.equal(fused[0], eager[0])
        assert 0.005 < fused[0].mean() < 0.995
    together = zip(*((*each[1].values(), *each[2]) for each in (fused, eager, double)), strict=True)
    for a, b, c in together:
        # the steep slope of a spike multiplies rounding errors, those of the eager loop as well
        rounding = 4 * (b - c).abs().max()
        assert (a - b).abs().max() <= max(TOLERANCE[dtype] * max(1, b.abs().max()), rounding)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 2.5), (torch.float64, 2.5)])
@pytest.mark.parametrize("function", ["tanh", "exp"])
def test_its_functions_are_within_two_and_a_half_units_in_the_last_place(function, dtype, limit):
    # a state without memory is the function of its input
    model = Model(
        f"f_{function}",
        f"du/dt = ({function}(x) - u)/tau : 1",
        {"tau": Parameter(1, "ms", "time constant")},
        inputs={"x": Input("1", "argument", signed=True)},
    )
    spread = torch.logspace(-30, 2, 4001, dtype=torch.float64)
    x = torch.cat([-spread, torch.linspace(-12, 12, 4001, dtype=torch.float64), spread]).to(dtype)
    zero, tau = torch.zeros(1, len(x), dtype=dtype), torch.full((1,), 1e-4, dtype=dtype)
    _, trajectory = fused_scan(token_step(model), {"u": zero}, {"x": x[None, None]}, {"tau": tau}, 1.0)
    found = trajectory["u"][0, 0].numpy()
    with np.errstate(over="ignore"):
        exact = getattr(np, function)(x.numpy().astype(np.longdouble))
        nearest = exact.astype(found.dtype)
        unit = np.spacing(np.abs(nearest)).astype(np.longdouble)
    finite = np.isfinite(nearest) & np.isfinite(found)
    assert np.array_equal(np.isfinite(nearest), np.isfinite(found))
    assert (np.abs(found - exact)[finite] <= limit * unit[finite]).all()


def test_what_is_not_a_number_stays_so_and_stays_where_it_is():
    states, inputs, parameters = case(MEMBRANE, batch=1, tokens=4, cells=40)
    x = inputs["x"].detach().clone()
    x[0, 1, 7] = float("nan")
    spikes, trajectory = fused_scan(MEMBRANE, states, inputs | {"x": x}, parameters, 1.0)
    lost = trajectory["u"].isnan()
    assert lost[0, 1:, 7].all()
    assert lost.sum() == 3
    assert (spikes[0, 1:, 7] == 0).all()


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(list(STEPS)),
    cells=st.integers(1, 40),
    tokens=st.integers(1, 40),
    data=st.data(),
    dtype=st.sampled_from(list(TOLERANCE)),
)
def test_pieces_rows_and_cells_have_the_bits_of_the_whole(name, cells, tokens, data, dtype):
    step = STEPS[name]
    states, inputs, parameters = case(
        step, batch=3, tokens=tokens, cells=cells, seed=cells * tokens, dtype=dtype
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, tokens), max_size=5)) | {0, tokens})
    lengths = [b - a for a, b in pairwise(cuts)]
    low = data.draw(st.integers(0, cells - 1))
    cell = slice(low, data.draw(st.integers(low + 1, cells)))
    row = slice(data.draw(st.integers(0, 2)), 3)
    with torch.no_grad():
        spikes, trajectories = fused_scan(step, states, inputs, parameters, 0.8)
        state = {n: s[row, cell] for n, s in states.items()}
        found = []
        for piece in zip(*(x[row, :, cell].split(lengths, 1) for x in inputs.values()), strict=True):
            some = {n: p[cell] for n, p in parameters.items()}
            fired, after = fused_scan(step, state, dict(zip(inputs, piece, strict=True)), some, 0.8)
            state = {n: x[:, -1] for n, x in after.items()}
            found.append((fired, *after.values()))
    for whole, pieces in zip((spikes, *trajectories.values()), zip(*found, strict=True), strict=True):
        if whole is not None:
            assert torch.equal(torch.cat(pieces, 1), whole[row, :, cell])


@settings(max_examples=15, deadline=None)
@given(layout=st.permutations(range(3)), step=st.integers(1, 3), seed=st.integers(0, 100))
def test_layout_in_memory_changes_nothing(layout, step, seed):
    states, inputs, parameters = case(MEMBRANE, batch=4, tokens=12, cells=6, seed=seed)
    expected = outcome(fused_scan, MEMBRANE, states, inputs, parameters)

    def strange(x):
        """The same numbers, with axes in another order in memory, and gaps between them."""
        kept = x.detach().permute(*layout).contiguous().permute(*(layout.index(i) for i in range(3)))
        gaps = torch.zeros(*kept.shape[:2], kept.shape[2] * step, dtype=x.dtype)[:, :, ::step]
        return gaps.copy_(kept).requires_grad_() if step > 1 else kept.requires_grad_()

    found = outcome(fused_scan, MEMBRANE, states, {n: strange(x) for n, x in inputs.items()}, parameters)
    assert torch.equal(found[0], expected[0])
    assert equal(found[1].values(), expected[1].values())
    assert equal(found[2], expected[2])


@pytest.mark.parametrize("name", STEPS)
def test_threads_change_nothing(name):
    step = STEPS[name]
    drawn = case(step, batch=5, tokens=150, cells=300)  # more cells than a block has
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        spikes, trajectories, gradients = outcome(fused_scan, step, *drawn)
        results.append([*([] if spikes is None else [spikes]), *trajectories.values(), *gradients])
    assert equal(results[0], results[1])
    assert equal(results[0], results[2])


@pytest.mark.parametrize("name", ["amsu_key", "amsu_astrocyte"])
def test_gradient_of_a_walk_without_spikes_is_right(name):
    step = STEPS[name]
    states, inputs, parameters = case(step, tokens=5)
    n, m = len(states), len(inputs)

    def walk(*leaves):
        groups = leaves[:n], leaves[n : n + m], leaves[n + m :]
        named = (
            dict(zip(d, g, strict=True)) for d, g in zip((states, inputs, parameters), groups, strict=True)
        )
        return tuple(fused_scan(step, *named, 0.7)[1].values())

    assert torch.autograd.gradcheck(walk, (*states.values(), *inputs.values(), *parameters.values()))


@settings(max_examples=4, deadline=None)
@given(
    rates=st.lists(st.integers(-3, 3), min_size=4, max_size=4),
    gain=st.integers(-4, 4),
    threshold=st.integers(1, 4),
    reset=st.sampled_from(["u -= theta", "u = 0.1*w", "w += 0.3*u\nu *= 0.5", "u = x*theta"]),
)
def test_linear_declarations_of_any_kind(rates, gain, threshold, reset):
    a, b, c, d = rates
    model = Model(
        "linear",
        f"""
        dw/dt = ({a}*u + {b}*x - w)/tau : 1
        du/dt = ({c}*w + {d}*x*x + {gain} - u)/tau : 1
        """,
        {"tau": Parameter(1, "ms", "time constant"), "theta": Parameter(1, "1", "what a reset uses")},
        inputs={"x": Input("1", "input", signed=True)},
        threshold=f"u + 0.5*w > {threshold}*theta",
        reset=reset,
    )
    step = token_step(model)
    drawn = case(step, tokens=25, cells=9)
    fused, eager = (outcome(scan, step, *drawn, dt=0.1) for scan in (fused_scan, eager_scan))
    assert torch.equal(fused[0], eager[0])
    for one, other in zip((*fused[1].values(), *fused[2]), (*eager[1].values(), *eager[2]), strict=True):
        assert (one - other).abs().max() <= 1e-10 * max(1, other.abs().max())


def test_names_of_a_declaration_may_be_words_of_the_kernel():
    model = Model(
        "words",
        "dspike/dt = (step*threads - spike)/real : 1",
        {"real": Parameter(1, "ms", "time constant"), "threads": Parameter(1, "1", "gain")},
        inputs={"step": Input("1", "input", signed=True)},
        threshold="spike > 0.3",
        reset="spike = 0",
    )
    step = token_step(model)
    drawn = case(step)
    fused, eager = (outcome(scan, step, *drawn) for scan in (fused_scan, eager_scan))
    assert torch.equal(fused[0], eager[0])
    for one, other in zip(fused[2], eager[2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_second_derivatives_are_refused():
    states, inputs, parameters = case(STEPS["amsu_key"])
    _, trajectory = fused_scan(STEPS["amsu_key"], states, inputs, parameters, 0.7)
    (slope,) = torch.autograd.grad(trajectory["r"].square().sum(), parameters["tau_r"], create_graph=True)
    with pytest.raises(RuntimeError, match=r"first derivatives only: .* fused=False"):
        torch.autograd.grad(slope.sum(), parameters["tau_r"])


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("u", (2, 4), r"u should have the shape \(2, 3\), not \(2, 4\)"),
        ("x", (9, 3), r"x should have the shape \(batch, tokens, cells\), not \(9, 3\)"),
        ("o", (2, 8, 3), r"o should have the shape \(2, 9, 3\), not \(2, 8, 3\)"),
        ("theta", (4,), r"theta should have the shape \(3,\), not \(4,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(name, shape, message):
    groups = case(MEMBRANE)
    for group in groups:
        if name in group:
            group[name] = torch.zeros(shape, dtype=torch.float64)
    with pytest.raises(ValueError, match=message):
        fused_scan(MEMBRANE, *groups, 1.0)


def test_parameters_and_states_may_be_broadcast():
    states, inputs, _ = case(MEMBRANE)
    one = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    few, _ = fused_scan(MEMBRANE, states, inputs, {"tau_u": one, "theta": one.detach()}, 0.8)
    many = {n: torch.full((3,), 0.7, dtype=torch.float64) for n in ("tau_u", "theta")}
    assert torch.equal(few, fused_scan(MEMBRANE, states, inputs, many, 0.8)[0])


def test_no_tokens_and_no_rows_are_walked_over():
    _, inputs, parameters = case(MEMBRANE)
    for batch, tokens in ((2, 0), (0, 4)):
        some = {n: x[:batch, :tokens] for n, x in inputs.items()}
        start = torch.zeros(batch, 3, dtype=torch.float64)
        spikes, after = fused_scan(MEMBRANE, {"u": start}, some, parameters, 1.0)
        assert spikes.shape == after["u"].shape == (batch, tokens, 3)
        (slope,) = torch.autograd.grad(after["u"].sum(), parameters["tau_u"])
        assert not slope.any()
