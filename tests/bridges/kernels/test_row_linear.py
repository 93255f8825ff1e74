"""An affine map whose rows don't depend on how many there are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import linear

from astrobrian.bridges.kernels.operators import row_linear


def drawn(rows, width, outputs, dtype, seed=0):
    dice = torch.Generator().manual_seed(seed)
    return (
        torch.randn(*shape, generator=dice, dtype=dtype)
        for shape in ((rows, width), (outputs, width), (outputs,))
    )


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 70),
    width=st.integers(1, 140),
    outputs=st.integers(1, 90),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    biased=st.booleans(),
)
def test_it_is_the_affine_map(rows, width, outputs, dtype, biased):
    x, weight, bias = drawn(rows, width, outputs, dtype)
    bias = bias if biased else None
    exact = linear(x.double(), weight.double(), None if bias is None else bias.double())
    tolerance = 4 * torch.finfo(dtype).eps * width**0.5
    torch.testing.assert_close(
        row_linear(x, weight, bias).double(), exact, rtol=tolerance, atol=tolerance * 4
    )


@settings(max_examples=60, deadline=None)
@given(
    width=st.sampled_from([1, 7, 16, 31, 64, 100, 256]),
    outputs=st.sampled_from([1, 5, 16, 66, 130]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    data=st.data(),
)
def test_every_row_and_output_has_the_same_bits_in_any_company(width, outputs, dtype, data):
    x, weight, bias = drawn(90, width, outputs, dtype)
    whole = row_linear(x, weight, bias)
    low = data.draw(st.integers(0, 89))
    row = slice(low, data.draw(st.integers(low + 1, 90)))
    first = data.draw(st.integers(0, outputs - 1))
    column = slice(first, data.draw(st.integers(first + 1, outputs)))
    assert torch.equal(row_linear(x[row], weight[column], bias[column]), whole[row, column])


def test_a_row_has_the_same_bits_wherever_it_lies_in_memory():
    x, weight, bias = drawn(40, 37, 20, torch.float32)
    expected = row_linear(x, weight, bias)
    assert torch.equal(row_linear(x.T.contiguous().T, weight, bias), expected)
    assert torch.equal(row_linear(torch.cat([x, x], 1)[:, :37], weight.T.contiguous().T, bias), expected)
    assert torch.equal(
        row_linear(x.view(5, 8, 37).transpose(0, 1), weight, bias).transpose(0, 1).reshape(40, 20), expected
    )


def test_threads_change_nothing():
    x, weight, bias = drawn(500, 130, 140, torch.float32)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(row_linear(x, weight, bias))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 7)])
@pytest.mark.parametrize("biased", [True, False])
def test_gradient_is_right(shape, biased):
    dice = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(*s, generator=dice, dtype=torch.float64).requires_grad_() for s in (shape, (4, 7), (4,))
    )
    assert torch.autograd.gradcheck(row_linear, (x, weight, bias) if biased else (x, weight))


def test_second_derivatives_are_those_of_products():
    dice = torch.Generator().manual_seed(0)
    x, weight = (
        torch.randn(*s, generator=dice, dtype=torch.float64).requires_grad_() for s in ((3, 5), (4, 5))
    )
    assert torch.autograd.gradgradcheck(row_linear, (x, weight))


def test_no_rows_give_no_rows():
    _, weight, bias = drawn(1, 5, 4, torch.float32)
    assert row_linear(torch.zeros(0, 5), weight, bias).shape == (0, 4)


def test_infinities_stay_in_their_row():
    x, weight, bias = drawn(20, 37, 20, torch.float32)
    x[3, 36] = float("inf")
    y = row_linear(x, weight, bias)
    assert y[3].isinf().all()
    assert y.isfinite().sum() == 19 * 20


@pytest.mark.parametrize(
    ("x", "weight", "bias"),
    [((2, 6), (4, 5), None), ((2, 5), (5,), None), ((2, 5), (4, 5), (5,)), ((), (4, 5), None)],
)
def test_shapes_that_do_not_fit_are_refused(x, weight, bias):
    with pytest.raises(ValueError, match="doesn't fit weights of shape"):
        row_linear(torch.zeros(x), torch.zeros(weight), None if bias is None else torch.zeros(bias))
