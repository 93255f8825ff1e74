// cuRAND's functions for the host: other numbers than cuRAND's, of the same distributions and repeatable with a seed.
#pragma once
#define CURAND_H_  // Brian2CUDA asks for it

#include <random>

#include "cuda_runtime.h"

enum curandStatus_t {
    CURAND_STATUS_SUCCESS = 0,
    CURAND_STATUS_VERSION_MISMATCH = 100,
    CURAND_STATUS_NOT_INITIALIZED,
    CURAND_STATUS_ALLOCATION_FAILED,
    CURAND_STATUS_TYPE_ERROR,
    CURAND_STATUS_OUT_OF_RANGE,
    CURAND_STATUS_LENGTH_NOT_MULTIPLE,
    CURAND_STATUS_DOUBLE_PRECISION_REQUIRED,
    CURAND_STATUS_LAUNCH_FAILURE = 201,
    CURAND_STATUS_PREEXISTING_FAILURE,
    CURAND_STATUS_INITIALIZATION_FAILED,
    CURAND_STATUS_ARCH_MISMATCH,
    CURAND_STATUS_INTERNAL_ERROR = 999,
};
enum curandRngType_t {
    CURAND_RNG_PSEUDO_DEFAULT = 100,
    CURAND_RNG_PSEUDO_XORWOW,
    CURAND_RNG_PSEUDO_MRG32K3A = 121,
    CURAND_RNG_PSEUDO_MTGP32 = 141,
    CURAND_RNG_PSEUDO_MT19937,
    CURAND_RNG_PSEUDO_PHILOX4_32_10 = 161,
};
enum curandOrdering_t {
    CURAND_ORDERING_PSEUDO_BEST = 100,
    CURAND_ORDERING_PSEUDO_DEFAULT,
    CURAND_ORDERING_PSEUDO_SEEDED,
};

using curandGenerator_t = std::mt19937_64*;

inline curandStatus_t curandCreateGenerator(curandGenerator_t* generator, curandRngType_t) {
    *generator = new std::mt19937_64;
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandDestroyGenerator(curandGenerator_t generator) {
    delete generator;
    return CURAND_STATUS_SUCCESS;
}
inline curandStatus_t curandSetGeneratorOrdering(curandGenerator_t, curandOrdering_t) { return CURAND_STATUS_SUCCESS; }
inline curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t generator, unsigned long long seed) {
    generator->seed(seed);
    return CURAND_STATUS_SUCCESS;
}
// Brian2CUDA only goes back to the start, which a seed does already.
inline curandStatus_t curandSetGeneratorOffset(curandGenerator_t, unsigned long long offset) {
    return offset ? CURAND_STATUS_OUT_OF_RANGE : CURAND_STATUS_SUCCESS;
}

namespace stand_in {

// In (0, 1], as cuRAND's: 1 comes out and 0 doesn't.
template <class T, class Generator> T uniform(Generator& generator) {
    return 1 - std::generate_canonical<T, std::numeric_limits<T>::digits>(generator);
}

template <class T, class Draw> curandStatus_t fill(T* output, size_t number, Draw draw) {
    if (!on_device(output, number * sizeof(T))) return CURAND_STATUS_LAUNCH_FAILURE;
    DeviceScope scope;
    std::generate_n(output, number, draw);
    return CURAND_STATUS_SUCCESS;
}

template <class T>
curandStatus_t fill_normal(curandGenerator_t generator, T* output, size_t number, T mean, T deviation) {
    if (number % 2) return CURAND_STATUS_LENGTH_NOT_MULTIPLE;
    return fill(output, number, [=, normal = std::normal_distribution<T>(mean, deviation)]() mutable {
        return normal(*generator);
    });
}

}  // namespace stand_in

inline curandStatus_t curandGenerateUniform(curandGenerator_t generator, float* output, size_t number) {
    return stand_in::fill(output, number, [=] { return stand_in::uniform<float>(*generator); });
}
inline curandStatus_t curandGenerateUniformDouble(curandGenerator_t generator, double* output, size_t number) {
    return stand_in::fill(output, number, [=] { return stand_in::uniform<double>(*generator); });
}
inline curandStatus_t curandGenerateNormal(curandGenerator_t generator, float* output, size_t number, float mean,
                                           float deviation) {
    return stand_in::fill_normal(generator, output, number, mean, deviation);
}
inline curandStatus_t curandGenerateNormalDouble(curandGenerator_t generator, double* output, size_t number,
                                                 double mean, double deviation) {
    return stand_in::fill_normal(generator, output, number, mean, deviation);
}
inline curandStatus_t curandGeneratePoisson(curandGenerator_t generator, unsigned* output, size_t number,
                                            double lambda) {
    return stand_in::fill(output, number, [=, poisson = std::poisson_distribution<unsigned>(lambda)]() mutable {
        return poisson(*generator);
    });
}
