"""Vector registers in C++, on any processor: what is done with them is exact, or rounded once for each operation."""

LANES = """
#include <cstring>
#include <utility>

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

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
    std::memcpy((char*)&v + (LANES - rest) * sizeof(real), row + width - rest, rest * sizeof(real));
    return v;
}

static inline lanes load_first(const real* from, long n) {
    if (n >= LANES) return load(from);
    lanes v = {};
    std::memcpy(&v, from, n * sizeof(real));
    return v;
}

static inline void store_first(real* to, lanes v, long n) {
    if (n >= LANES) std::memcpy(to, &v, sizeof v);
    else std::memcpy(to, &v, n * sizeof(real));
}

static inline lanes all(real x) { return x - lanes{}; }

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
