#pragma once
#include "cuda_runtime.h"

inline cudaError cudaProfilerStart() { return cudaSuccess; }
inline cudaError cudaProfilerStop() { return cudaSuccess; }
