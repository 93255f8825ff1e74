"""An affine map as C++, each row of whose result has the same bits however many rows there are.

Every sum is made in the same order: a lane of a vector register adds up every so many products, and the lanes are added in
a fixed tree. Blocks of rows and outputs only decide which sums are made beside each other.
"""

from __future__ import annotations

from astrobrian.bridges.kernels.lanes import LANES

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
    return f"using real = {real};\n{LANES}{_LINEAR}"
