"""A bank of astrocytes that hear themselves as C++: one walk over the tokens of each row of the batch, forward and in reverse.

The reverse walk makes the keys again, from the outputs that the forward walk left.
"""

from __future__ import annotations

from string import Template

import sympy as sp

from astrobrian.bridges.kernels.cpp import ELEMENTARY, assign
from astrobrian.bridges.torch_codegen import TokenStep, symbol

_WALKS = Template("""
constexpr int HEADS = $heads, KEYS = $keys, ALL = HEADS * KEYS;

struct Bank {
    const real *weight, *bias, *feedback, *written, *kept;  // feedback may be null: an open loop
};

static inline void hear(const Bank& bank, real x, const real* o, real* heard) {
    #pragma omp simd
    for (int j = 0; j < ALL; ++j) heard[j] = x * bank.weight[j] + bank.bias[j];
    if (bank.feedback) for (int i = 0; i < HEADS; ++i) {
        #pragma omp simd
        for (int j = 0; j < ALL; ++j) heard[j] += o[i] * bank.feedback[i * ALL + j];
    }
}

extern "C" void forward(
    long threads, long batch, long tokens, const real* x, const real* weight, const real* bias, const real* feedback,
    const real* written, const real* kept, const real* first, real* trajectory) {
    const Bank bank = {weight, bias, feedback, written, kept};
    #pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (long b = 0; b < batch; ++b) {
        real o[HEADS], heard[ALL], added[ALL];
        for (int i = 0; i < HEADS; ++i) o[i] = first[b * HEADS + i];
        for (long t = 0; t < tokens; ++t) {
            hear(bank, x[b * tokens + t], o, heard);
            #pragma omp simd
            for (int j = 0; j < ALL; ++j) {
                const real x_k = heard[j];
                $key
                added[j] = k * written[j];
            }
            for (int i = 0; i < HEADS; ++i) {
                real sum = kept[i] * o[i];
                for (int j = 0; j < KEYS; ++j) sum += added[i * KEYS + j];
                trajectory[(b * tokens + t) * HEADS + i] = o[i] = sum;
            }
        }
    }
}

// each thread adds up its share of the batch in a place of its own
extern "C" void backward(
    long threads, long batch, long tokens, const real* x, const real* weight, const real* bias, const real* feedback,
    const real* written, const real* kept, const real* first, const real* trajectory, const real* by_trajectory,
    real* by_x, real* by_weight, real* by_bias, real* by_feedback, real* by_written, real* by_kept, real* by_first) {
    const Bank bank = {weight, bias, feedback, written, kept};
    #pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (long share = 0; share < threads; ++share) {
        real *by_w = by_weight + share * ALL, *by_c = by_bias + share * ALL, *by_q = by_written + share * ALL;
        real *by_f = by_feedback ? by_feedback + share * HEADS * ALL : nullptr, *by_a = by_kept + share * HEADS;
        for (long b = batch * share / threads; b < batch * (share + 1) / threads; ++b) {
            real carry[HEADS] = {}, heard[ALL], by_heard[ALL];
            for (long t = tokens - 1; t >= 0; --t) {
                const real signal = x[b * tokens + t];
                const real* before = t ? trajectory + (b * tokens + t - 1) * HEADS : first + b * HEADS;
                const real* given = by_trajectory + (b * tokens + t) * HEADS;
                hear(bank, signal, before, heard);
                real spread[ALL];
                for (int i = 0; i < HEADS; ++i) {
                    carry[i] += given[i];
                    by_a[i] += carry[i] * before[i];
                    for (int j = 0; j < KEYS; ++j) spread[i * KEYS + j] = carry[i];
                    carry[i] *= kept[i];
                }
                real by_signal = 0;
                #pragma omp simd reduction(+ : by_signal)
                for (int j = 0; j < ALL; ++j) {
                    const real x_k = heard[j];
                    $key
                    $slope
                    const real h = spread[j] * written[j] * slope;
                    by_q[j] += spread[j] * k;
                    by_w[j] += signal * h;
                    by_c[j] += h;
                    by_signal += weight[j] * h;
                    by_heard[j] = h;
                }
                by_x[b * tokens + t] = by_signal;
                if (feedback) for (int i = 0; i < HEADS; ++i) {
                    real back = 0;
                    #pragma omp simd reduction(+ : back)
                    for (int j = 0; j < ALL; ++j) {
                        back += feedback[i * ALL + j] * by_heard[j];
                        by_f[i * ALL + j] += before[i] * by_heard[j];
                    }
                    carry[i] += back;
                }
            }
            for (int i = 0; i < HEADS; ++i) by_first[b * HEADS + i] = carry[i];
        }
    }
}
""")


def source(step: TokenStep, heads: int, keys: int, real: str) -> str:
    """The text of both walks for a declaration with a prompt key k of x_k, for ``float`` or ``double``."""
    key = step.outputs["k"]
    (k,) = assign({symbol("k"): key})
    (slope,) = assign({symbol("slope"): sp.diff(key, symbol("x_k"))})
    walks = _WALKS.substitute(heads=heads, keys=keys, key=k, slope=slope)
    return f"using real = {real};\n{ELEMENTARY}{walks}"
