// CUDA's language and runtime, as far as Brian2CUDA's programs use them, for a C++ compiler. nvcc includes this by itself.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static  // blocks run one after another; `extern __shared__` is rewritten

#include "stand_in/memory.h"
#include "stand_in/grid.h"
#include "stand_in/atomics.h"

using std::max;
using std::min;

struct cudaDeviceProp {
    char name[64] = "a CPU that stands in for a GPU";
    int major = 9, minor = 0;
    int multiProcessorCount = stand_in::multiprocessors;
    int maxThreadsPerBlock = stand_in::threads_per_block;
    int maxThreadsPerMultiProcessor = 2 * stand_in::threads_per_block;
    int warpSize = stand_in::warp;
    size_t sharedMemPerBlock = stand_in::shared_bytes;
};
struct cudaFuncAttributes {
    int maxThreadsPerBlock = stand_in::threads_per_block;
    int numRegs = 0;
    size_t sharedSizeBytes = 0, localSizeBytes = 0, constSizeBytes = 0;
};
enum cudaLimit { cudaLimitStackSize, cudaLimitPrintfFifoSize, cudaLimitMallocHeapSize };

inline cudaError cudaSetDevice(int number) {
    return number ? stand_in::fail(cudaErrorInvalidDevice) : cudaSuccess;
}
inline cudaError cudaGetDeviceProperties(cudaDeviceProp* properties, int number) {
    *properties = {};
    return cudaSetDevice(number);
}
inline cudaError cudaDeviceSetLimit(cudaLimit, size_t) { return cudaSuccess; }
inline cudaError cudaDeviceSynchronize() { return cudaPeekAtLastError(); }

template <class Kernel> cudaError cudaFuncGetAttributes(cudaFuncAttributes* attributes, Kernel) {
    *attributes = {};
    return cudaSuccess;
}
template <class Kernel>
cudaError cudaOccupancyMaxPotentialBlockSize(int* blocks, int* threads, Kernel, size_t = 0, int = 0) {
    *blocks = stand_in::multiprocessors;
    *threads = stand_in::threads_per_block;
    return cudaSuccess;
}
template <class Kernel>
cudaError cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel, int, size_t) {
    *blocks = 2;
    return cudaSuccess;
}
