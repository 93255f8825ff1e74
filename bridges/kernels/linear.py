"""An affine map as C++, each row of whose result has the same bits however many rows there are.

Every sum is made in the same order: a lane of a vector register adds up every so many products, and the lanes are added in
a fixed tree. Blocks of rows and outputs only decide which sums are made beside each other.
"""

from __future__ import annotations

from string import Template

LANES = """
#include <cstring>
#include <utility>

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

using real = $real;
#if defined(__AVX512F__)
constexpr int BYTES = 64;
#elif defined(__AVX__)
constexpr int BYTES = 32;
#else
constexpr int BYTES = 16;
#endif
constexpr int LANES = BYTES / sizeof(real);
typedef real lanes __attribute__((vector_size(BYTES)));

// a b + c, rounded once where the processor can: asked for by name, so that it doesn't depend on what the compiler makes of it
static inline lanes multiply_add(lanes a, lanes b, lanes c) {
    constexpr bool single = sizeof(real) == 4;
#if defined(__AVX512F__)
    if constexpr (single) return (lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
    else return (lanes)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    if constexpr (single) return (lanes)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    else return (lanes)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
    if constexpr (single) return (lanes)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
    else return (lanes)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

static inline lanes load(const real* from) {
    lanes v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

// what is left of a row of this width once it is cut into whole registers, in the last lanes, and zeros before it
static inline lanes load_rest(const real* row, long width) {
    lanes v = {};
    const long rest = width % LANES;
    if (width < LANES) std::memcpy((real*)&v + LANES - rest, row, rest * sizeof(real));
    else for (int i = 0; i < LANES; ++i) v[i] = i < LANES - rest ? real(0) : row[width - LANES + i];
    return v;
}

// where lane i of the pairwise sum of two registers, each in groups of 2 WIDTH lanes, takes its first summand from
template <int WIDTH> constexpr int source(int i) {
    const int within = i % (LANES / 2);
    return (i < LANES / 2 ? 0 : LANES) + within / WIDTH * 2 * WIDTH + within % WIDTH;
}

template <int WIDTH, int... I> static inline lanes fold(lanes a, lanes b, std::integer_sequence<int, I...>) {
#if defined(__clang__)
    return __builtin_shufflevector(a, b, source<WIDTH>(I)...) + __builtin_shufflevector(a, b, (source<WIDTH>(I) + WIDTH)...);
#else
    using index = std::conditional_t<sizeof(real) == 4, int, long long>;
    typedef index indices __attribute__((vector_size(BYTES)));
    return __builtin_shuffle(a, b, indices{source<WIDTH>(I)...}) + __builtin_shuffle(a, b, indices{(source<WIDTH>(I) + WIDTH)...});
#endif
}

// the sums of the lanes of as many registers as a register has lanes, in one register
template <int WIDTH = LANES / 2> static inline lanes sums(lanes* v) {
    for (int i = 0; i < WIDTH; ++i) v[i] = fold<WIDTH>(v[2 * i], v[2 * i + 1], std::make_integer_sequence<int, LANES>());
    if constexpr (WIDTH > 1) return sums<WIDTH / 2>(v);
    else return v[0];
}
"""

_LINEAR = """
// LANES sums, of ROWS rows by LANES / ROWS outputs; those beyond the last row or output are made of the last, and dropped
template <int ROWS> static void block(
    const real* x, long x_stride, long rows, const real* weight, const real* bias, long width, long outputs, real* y,
    long y_stride) {
    constexpr int COLUMNS = LANES / ROWS;
    const real *x_row[ROWS], *w_row[COLUMNS];
    for (int r = 0; r < ROWS; ++r) x_row[r] = x + (r < rows ? r : rows - 1) * x_stride;
    for (int c = 0; c < COLUMNS; ++c) w_row[c] = weight + (c < outputs ? c : outputs - 1) * width;
    lanes sum[LANES] = {};
    long i = 0;
    for (; i + LANES <= width; i += LANES) {
        lanes w[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) w[c] = load(w_row[c] + i);
        for (int r = 0; r < ROWS; ++r) {
            const lanes v = load(x_row[r] + i);
            for (int c = 0; c < COLUMNS; ++c) sum[r * COLUMNS + c] = multiply_add(v, w[c], sum[r * COLUMNS + c]);
        }
    }
    if (i < width) {
        lanes w[COLUMNS];
        for (int c = 0; c < COLUMNS; ++c) w[c] = load_rest(w_row[c], width);
        for (int r = 0; r < ROWS; ++r) {
            const lanes v = load_rest(x_row[r], width);
            for (int c = 0; c < COLUMNS; ++c) sum[r * COLUMNS + c] = multiply_add(v, w[c], sum[r * COLUMNS + c]);
        }
    }
    const lanes result = sums(sum);
    for (int r = 0; r < ROWS && r < rows; ++r) for (int c = 0; c < COLUMNS && c < outputs; ++c)
        y[r * y_stride + c] = result[r * COLUMNS + c] + (bias ? bias[c] : real(0));
}

extern "C" void linear(
    long threads, long rows, long width, long outputs, const real* x, long x_stride, const real* weight, const real* bias,
    real* y) {
    constexpr int ROWS = LANES >= 16 ? 4 : LANES >= 4 ? 2 : 1, COLUMNS = LANES / ROWS;
    constexpr long CHUNK = 16, STRIP = 64;  // rows and outputs whose numbers stay in the first-level cache
    const long chunks = (rows + CHUNK - 1) / CHUNK, strips = (outputs + STRIP - 1) / STRIP;
    #pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (long chunk = 0; chunk < chunks; ++chunk) for (long strip = 0; strip < strips; ++strip) {
        const long m0 = chunk * CHUNK, m1 = m0 + CHUNK < rows ? m0 + CHUNK : rows;
        const long n0 = strip * STRIP, n1 = n0 + STRIP < outputs ? n0 + STRIP : outputs;
        auto walk = [&](auto b, long height, long breadth) {
            for (long n = n0; n < n1; n += breadth) for (long m = m0; m < m1; m += height)
                b(x + m * x_stride, x_stride, m1 - m, weight + n * width, bias ? bias + n : nullptr, width, n1 - n,
                  y + m * outputs + n, outputs);
        };
        if (m1 - m0 < ROWS) walk(block<1>, 1, LANES);
        else walk(block<ROWS>, ROWS, COLUMNS);
    }
}
"""


def source(real: str) -> str:
    """The text of the map, for ``float`` or ``double``."""
    return Template(LANES + _LINEAR).substitute(real=real)
