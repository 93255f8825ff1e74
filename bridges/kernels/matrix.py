"""The astrocyte's matrix as C++: written when it is due and read at every token, in one walk over the tokens of each head.

A vector register holds one key's column for as many values as it has lanes. The reverse walk makes the matrices of a chunk of
tokens again, from the one that the forward walk kept at its beginning.
"""

from __future__ import annotations

from string import Template

import sympy as sp

from astrobrian.bridges.kernels.cpp import ELEMENTARY, assign
from astrobrian.bridges.kernels.lanes import LANES
from astrobrian.bridges.kernels.recurrence import STEP, named
from astrobrian.bridges.memory import linear_law
from astrobrian.bridges.torch_codegen import DT, TokenStep, symbol

_WALKS = Template("""
#include <algorithm>
#include <memory>

constexpr int KEYS = $keys, VALUES = $values, CHUNK = $chunk;
constexpr int GROUPS = (KEYS + LANES - 1) / LANES, BLOCKS = (VALUES + LANES - 1) / LANES;
constexpr long SIZE = long(VALUES) * KEYS;

// so many registers: on the stack if they are few, where the compiler keeps them in those of the processor
template <long COUNT, bool FEW = (COUNT <= $on_stack)> struct Registers {
    lanes own[COUNT];
    operator lanes*() { return own; }
};

template <long COUNT> struct Registers<COUNT, false> {
    std::unique_ptr<lanes[]> own{new lanes[COUNT]};
    operator lanes*() { return own.get(); }
};

struct View {  // (batch, heads, tokens, numbers), the numbers side by side
    real* start;
    long batch, head, token;
    real* at(long b, long h) const { return start + b * batch + h * head; }
};

struct Law { real a, b; };

struct Clock {  // of the steps of the matrix
    long every, phase;
    bool due(long t) const { return every == 1 || (t + phase) % every == 0; }
};

static Law law(void* const* parameter, long head, real step) {
$parameters
$coefficients
    return {decay, write};
}

// a block of a matrix of values by keys, as the registers have it
static void take(lanes* H, const real* matrix, int block) {
    for (int j = 0; j < KEYS; ++j) {
        H[j] = lanes{};
        for (int i = 0; i < LANES && block * LANES + i < VALUES; ++i) H[j][i] = matrix[(block * LANES + i) * KEYS + j];
    }
}

static void give(const lanes* H, real* matrix, int block) {
    for (int j = 0; j < KEYS; ++j)
        for (int i = 0; i < LANES && block * LANES + i < VALUES; ++i) matrix[(block * LANES + i) * KEYS + j] = H[j][i];
}

static inline lanes load_block(const real* row, int block) { return load_first(row + block * LANES, VALUES - block * LANES); }

static inline void store_block(real* row, lanes v, int block) { store_first(row + block * LANES, v, VALUES - block * LANES); }

static inline void write_matrix(lanes* H, Law law, const real* k, lanes v) {
    v *= law.b;
    for (int j = 0; j < KEYS; ++j) H[j] = multiply_add(all(k[j]), v, H[j] * law.a);
}

extern "C" void forward(
    long threads, long batch, long heads, long tokens, long every, long phase, double dt,
    const View* view, void* const* parameter,
    const real* first_state, real* last_state, real* kept) {
    const long chunks = (tokens + CHUNK - 1) / CHUNK;
    const Clock clock = {every, phase};
    #pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (long b = 0; b < batch; ++b) for (long h = 0; h < heads; ++h) {
        const Law l = law(parameter, h, real(dt));
        const real *k = view[0].at(b, h), *v = view[1].at(b, h), *q = view[2].at(b, h);
        real* o = view[3].at(b, h);
        const long k_step = view[0].token, v_step = view[1].token, q_step = view[2].token, o_step = view[3].token;
        const long matrix = b * heads + h;
        Registers<long(BLOCKS) * KEYS> state;
        for (int block = 0; block < BLOCKS; ++block) take(state + block * KEYS, first_state + matrix * SIZE, block);
        for (long chunk = 0; chunk < chunks; ++chunk) {
            const long start = chunk * CHUNK, end = start + CHUNK < tokens ? start + CHUNK : tokens;
            for (int block = 0; block < BLOCKS; ++block) {
                Registers<KEYS> H;
                lanes* const of_block = state + block * KEYS;
                for (int j = 0; j < KEYS; ++j) H[j] = of_block[j];
                if (chunk) give(H, kept + (matrix * (chunks - 1) + chunk - 1) * SIZE, block);
                for (long t = start; t < end; ++t) {
                    if (clock.due(t)) write_matrix(H, l, k + t * k_step, load_block(v + t * v_step, block));
                    lanes sum = {};
                    for (int j = 0; j < KEYS; ++j) sum = multiply_add(H[j], all(q[t * q_step + j]), sum);
                    store_block(o + t * o_step, sum, block);
                }
                for (int j = 0; j < KEYS; ++j) of_block[j] = H[j];
            }
        }
        for (int block = 0; block < BLOCKS; ++block) give(state + block * KEYS, last_state + matrix * SIZE, block);
    }
}

// adds to each of KEYS numbers the sum of the lanes of its register
static inline void add_sums(real* to, const lanes* v) {
    for (int g = 0; g < GROUPS; ++g) {
        lanes group[LANES];
        for (int j = 0; j < LANES; ++j) group[j] = g * LANES + j < KEYS ? v[g * LANES + j] : lanes{};
        const long n = KEYS - g * LANES;
        store_first(to + g * LANES, load_first(to + g * LANES, n) + sums(group), n);
    }
}

static inline real total(lanes v) {
    real sum = 0;
    for (int i = 0; i < LANES; ++i) sum += v[i];
    return sum;
}

extern "C" void backward(
    long threads, long batch, long heads, long tokens, long every, long phase, double dt,
    const View* view, void* const* parameter,
    const real* first_state, const real* kept, const real* by_last, real* by_first, real* const* by_parameter) {
    const long chunks = (tokens + CHUNK - 1) / CHUNK;
    const Clock clock = {every, phase};
    const View &by_o = view[3], &by_k = view[4], &by_v = view[5], &by_q = view[6];
    #pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (long b = 0; b < batch; ++b) for (long h = 0; h < heads; ++h) {
        const Law l = law(parameter, h, real(dt));
        const real *k = view[0].at(b, h), *v = view[1].at(b, h), *q = view[2].at(b, h);
        const long matrix = b * heads + h;
        real by_decay = 0, by_write = 0;
        Registers<long(BLOCKS) * KEYS> by_state;
        Registers<long(CHUNK) * KEYS> before;
        for (int block = 0; block < BLOCKS; ++block)
            if (by_last) take(by_state + block * KEYS, by_last + matrix * SIZE, block);
            else std::fill_n(by_state + block * KEYS, KEYS, lanes{});
        for (long chunk = chunks - 1; chunk >= 0; --chunk) {
            const long start = chunk * CHUNK, length = tokens - start < CHUNK ? tokens - start : CHUNK;
            const real* at_start = chunk ? kept + (matrix * (chunks - 1) + chunk - 1) * SIZE : first_state + matrix * SIZE;
            for (long t = start; t < start + length; ++t) for (int j = 0; j < KEYS; ++j)
                by_k.at(b, h)[t * by_k.token + j] = by_q.at(b, h)[t * by_q.token + j] = 0;
            for (int block = 0; block < BLOCKS; ++block) {
                Registers<KEYS> H, G, each;
                lanes decay_sum = {}, write_sum = {};
                lanes* const by_block = by_state + block * KEYS;
                take(H, at_start, block);
                for (int j = 0; j < KEYS; ++j) G[j] = by_block[j];
                for (long i = 0; i < length; ++i) {
                    const long t = start + i;
                    const lanes o_t = by_o.start ? load_block(by_o.at(b, h) + t * by_o.token, block) : lanes{};
                    for (int j = 0; j < KEYS; ++j) before[i * KEYS + j] = H[j];
                    if (clock.due(t)) write_matrix(H, l, k + t * view[0].token, load_block(v + t * view[1].token, block));
                    for (int j = 0; j < KEYS; ++j) each[j] = H[j] * o_t;
                    add_sums(by_q.at(b, h) + t * by_q.token, each);
                }
                for (long i = length - 1; i >= 0; --i) {
                    const long t = start + i;
                    const real *k_t = k + t * view[0].token, *q_t = q + t * view[2].token;
                    const lanes v_t = load_block(v + t * view[1].token, block);
                    const lanes o_t = by_o.start ? load_block(by_o.at(b, h) + t * by_o.token, block) : lanes{};
                    if (!clock.due(t)) {
                        for (int j = 0; j < KEYS; ++j) G[j] = multiply_add(o_t, all(q_t[j]), G[j]);
                        store_block(by_v.at(b, h) + t * by_v.token, lanes{}, block);
                        continue;
                    }
                    const lanes scaled = v_t * l.b;
                    lanes written = {}, decayed = {};
                    #pragma GCC unroll 16
                    for (int j = 0; j < KEYS; ++j) {
                        G[j] = multiply_add(o_t, all(q_t[j]), G[j]);
                        written = multiply_add(G[j], all(k_t[j]), written);
                        decayed = multiply_add(G[j], before[i * KEYS + j], decayed);
                        each[j] = G[j] * scaled;
                        G[j] *= l.a;
                    }
                    decay_sum += decayed;
                    add_sums(by_k.at(b, h) + t * by_k.token, each);
                    write_sum = multiply_add(written, v_t, write_sum);
                    store_block(by_v.at(b, h) + t * by_v.token, written * l.b, block);
                }
                for (int j = 0; j < KEYS; ++j) by_block[j] = G[j];
                by_decay += total(decay_sum);
                by_write += total(write_sum);
            }
        }
        for (int block = 0; block < BLOCKS; ++block) give(by_state + block * KEYS, by_first + matrix * SIZE, block);
        {
            const long head = h;
            const real step = real(dt);
            (void)step;
$parameters
$by_parameters
        }
    }
}
""")


ON_STACK = 1024
"""Registers that an array on the stack may have, 64 KiB of the largest; the others would overflow it, and are on the heap."""


def chunk(keys: int) -> int:
    """Tokens between two matrices that the forward walk keeps: as many as the second-level cache has room for."""
    return min(64, max(16, 4096 // keys))


def source(step: TokenStep, keys: int, values: int, real: str) -> str:
    """The text of both walks for a law H' = a H + b v k, for ``float`` or ``double``."""
    decay, write = linear_law(step)
    parameters = named("parameter", step.parameters)
    names = dict(zip((*(symbol(n) for n in step.parameters), DT), (*parameters, STEP), strict=True))
    laws = {symbol("decay"): decay.xreplace(names), symbol("write"): write.xreplace(names)}
    by_laws = dict(zip((symbol("by_decay"), symbol("by_write")), laws.values(), strict=True))
    by = {symbol(f"by_{p}"): sp.Add(*(b * sp.diff(e, p) for b, e in by_laws.items())) for p in parameters}
    loads = [
        f"const real {p} = static_cast<const real*>(parameter[{i}])[head];" for i, p in enumerate(parameters)
    ]
    stores = [f"by_parameter[{i}][matrix] = {b};" for i, b in enumerate(by)]
    walks = _WALKS.substitute(
        keys=keys,
        values=values,
        chunk=chunk(keys),
        on_stack=ON_STACK,
        parameters="\n".join(f"    {line}" for line in loads),
        coefficients="\n".join(f"    {line}" for line in assign(laws)),
        by_parameters="\n".join(f"    {line}" for line in [*assign(by), *stores]),
    )
    return f"using real = {real};\n{ELEMENTARY}{LANES}{walks}"
