// cuRAND's functions for kernels, each state a small generator of its own.
#pragma once

#include <cstdint>

#include "curand.h"

struct curandState {
    using result_type = uint64_t;
    uint64_t counter;

    static constexpr uint64_t min() { return 0; }
    static constexpr uint64_t max() { return UINT64_MAX; }
    // splitmix64 (Steele, Lea & Flood 2014, https://doi.org/10.1145/2714064.2660195)
    uint64_t operator()() {
        uint64_t z = counter += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
};

inline void curand_init(unsigned long long seed, unsigned long long sequence, unsigned long long offset,
                        curandState* state) {
    curandState of_sequence{sequence};
    *state = {seed ^ of_sequence()};
    while (offset--) (*state)();
}
inline float curand_uniform(curandState* state) { return stand_in::uniform<float>(*state); }
inline double curand_uniform_double(curandState* state) { return stand_in::uniform<double>(*state); }
inline float curand_normal(curandState* state) { return std::normal_distribution<float>()(*state); }
inline double curand_normal_double(curandState* state) { return std::normal_distribution<double>()(*state); }
inline unsigned curand_poisson(curandState* state, double lambda) {
    return std::poisson_distribution<unsigned>(lambda)(*state);
}
