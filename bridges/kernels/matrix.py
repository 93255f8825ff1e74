"""The astrocyte's matrix as C++: written and read at every token, in one walk over the tokens of each head.

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
constexpr int KEYS = $keys, CHUNK = $chunk;
constexpr int GROUPS = (KEYS + LANES - 1) / LANES;

struct View {  // (batch, heads, tokens, numbers), the numbers side by side
    real* start;
    long batch, head, token;
    real* at(long b, long h) const { return start + b * batch + h * head; }
};

struct Law { real a, b; };

static Law law(void* const* parameter, long head, real step) {
$parameters
$coefficients
    return {decay, write};
}

// the columns of the values from `first` on: a matrix of values by keys, as the registers have it
static void take(lanes* H, const real* matrix, long first, long n) {
    for (int j = 0; j < KEYS; ++j) {
        H[j] = lanes{};
        for (long i = 0; i < n && i < LANES; ++i) H[j][i] = matrix[(first + i) * KEYS + j];
    }
}

static void give(const lanes* H, real* matrix, long first, long n) {
    for (int j = 0; j < KEYS; ++j)
        for (long i = 0; i < n && i < LANES; ++i) matrix[(first + i) * KEYS + j] = H[j][i];
}

static inline void write_matrix(lanes* H, Law law, const real* k, lanes v) {
    v *= law.b;
    for (int j = 0; j < KEYS; ++j) H[j] = multiply_add(all(k[j]), v, H[j] * law.a);
}

extern "C" void forward(
    long threads, long batch, long heads, long tokens, long values, double dt, const View* view, void* const* parameter,
    const real* first_state, real* last_state, real* kept) {
    const long chunks = (tokens + CHUNK - 1) / CHUNK, size = values * KEYS;
    #pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (long b = 0; b < batch; ++b) for (long h = 0; h < heads; ++h) {
        const Law l = law(parameter, h, real(dt));
        const real *k = view[0].at(b, h), *v = view[1].at(b, h), *q = view[2].at(b, h);
        real* o = view[3].at(b, h);
        const long matrix = b * heads + h;
        for (long first = 0; first < values; first += LANES) {
            const long n = values - first;
            lanes H[KEYS];
            take(H, first_state + matrix * size, first, n);
            for (long t = 0; t < tokens; ++t) {
                if (t && t % CHUNK == 0) give(H, kept + (matrix * (chunks - 1) + t / CHUNK - 1) * size, first, n);
                write_matrix(H, l, k + t * view[0].token, load_first(v + t * view[1].token + first, n));
                lanes sum = {};
                for (int j = 0; j < KEYS; ++j) sum = multiply_add(H[j], all(q[t * view[2].token + j]), sum);
                store_first(o + t * view[3].token + first, sum, n);
            }
            give(H, last_state + matrix * size, first, n);
        }
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
    long threads, long batch, long heads, long tokens, long values, double dt, const View* view, void* const* parameter,
    const real* first_state, const real* kept, const real* by_last, real* by_first, real* const* by_parameter) {
    const long chunks = (tokens + CHUNK - 1) / CHUNK, size = values * KEYS;
    const View &by_o = view[3], &by_k = view[4], &by_v = view[5], &by_q = view[6];
    #pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (long b = 0; b < batch; ++b) for (long h = 0; h < heads; ++h) {
        const Law l = law(parameter, h, real(dt));
        const real *k = view[0].at(b, h), *v = view[1].at(b, h), *q = view[2].at(b, h);
        const long matrix = b * heads + h;
        for (long t = 0; t < tokens; ++t) for (int j = 0; j < KEYS; ++j)
            by_k.at(b, h)[t * by_k.token + j] = by_q.at(b, h)[t * by_q.token + j] = 0;
        real by_decay = 0, by_write = 0;
        for (long first = 0; first < values; first += LANES) {
            const long n = values - first;
            lanes H[CHUNK + 1][KEYS], G[KEYS] = {}, each[KEYS];
            if (by_last) take(G, by_last + matrix * size, first, n);
            for (long chunk = chunks - 1; chunk >= 0; --chunk) {
                const long start = chunk * CHUNK, length = tokens - start < CHUNK ? tokens - start : CHUNK;
                lanes decay_sum = {}, write_sum = {};
                take(H[0], chunk ? kept + (matrix * (chunks - 1) + chunk - 1) * size : first_state + matrix * size, first, n);
                for (long i = 0; i < length; ++i) {
                    const long t = start + i;
                    for (int j = 0; j < KEYS; ++j) H[i + 1][j] = H[i][j];
                    write_matrix(H[i + 1], l, k + t * view[0].token, load_first(v + t * view[1].token + first, n));
                }
                for (long i = length - 1; i >= 0; --i) {
                    const long t = start + i;
                    const real *k_t = k + t * view[0].token, *q_t = q + t * view[2].token;
                    const lanes v_t = load_first(v + t * view[1].token + first, n);
                    const lanes o_t = by_o.start ? load_first(by_o.at(b, h) + t * by_o.token + first, n) : lanes{};
                    lanes written = {};
                    for (int j = 0; j < KEYS; ++j) each[j] = H[i + 1][j] * o_t;
                    add_sums(by_q.at(b, h) + t * by_q.token, each);
                    for (int j = 0; j < KEYS; ++j) {
                        G[j] = multiply_add(o_t, all(q_t[j]), G[j]);
                        written = multiply_add(G[j], all(k_t[j]), written);
                        each[j] = G[j] * v_t * l.b;
                        decay_sum = multiply_add(G[j], H[i][j], decay_sum);
                        G[j] *= l.a;
                    }
                    add_sums(by_k.at(b, h) + t * by_k.token, each);
                    write_sum = multiply_add(written, v_t, write_sum);
                    store_first(by_v.at(b, h) + t * by_v.token + first, written * l.b, n);
                }
                by_decay += total(decay_sum);
                by_write += total(write_sum);
            }
            give(G, by_first + matrix * size, first, n);
        }
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


def chunk(keys: int) -> int:
    """Tokens between two matrices that the forward walk keeps: as many as the second-level cache has room for."""
    return min(64, max(16, 4096 // keys))


def source(step: TokenStep, keys: int, real: str) -> str:
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
        chunk=chunk(keys),
        parameters="\n".join(f"    {line}" for line in loads),
        coefficients="\n".join(f"    {line}" for line in assign(laws)),
        by_parameters="\n".join(f"    {line}" for line in [*assign(by), *stores]),
    )
    return f"using real = {real};\n{ELEMENTARY}{LANES}{walks}"
