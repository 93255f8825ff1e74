// The threads of a kernel, on one core: which of them runs, in which order, and where they wait for each other.
#pragma once

#include <cstddef>
#include <functional>

#include "stand_in/memory.h"

struct uint3 {
    unsigned x = 0, y = 0, z = 0;
};
struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace stand_in {

// A GPU that is small and odd on purpose: several blocks even for small networks, and a last one that isn't full.
constexpr unsigned multiprocessors = 3, threads_per_block = 64, warp = 32;
constexpr size_t shared_bytes = 48 * 1024;

struct Configuration {
    const char* kernel;
    unsigned blocks, threads;
    size_t shared;
};

// Each block in a shuffled order, and the threads of each block in a shuffled order, until all have returned.
void run(const Configuration&, const std::function<void()>& thread);
void barrier(int line);
void* shared_memory();

template <class... Parameters>
class Launcher {
public:
    Launcher(const char* name, void (*kernel)(Parameters...), unsigned blocks, unsigned threads, size_t shared)
        : configuration{name, blocks, threads, shared}, kernel(kernel) {}

    void operator()(Parameters... arguments) const {
        (check(arguments), ...);
        run(configuration, [&] { kernel(arguments...); });
    }

private:
    Configuration configuration;
    void (*kernel)(Parameters...);

    template <class T> void check(const T&) const {}
    template <class T> void check(T* const& pointer) const { check_argument(configuration.kernel, pointer); }
};

// What `kernel<<<blocks, threads, shared>>>(...)` is rewritten to: `launcher("kernel", kernel, blocks, ...)(...)`.
template <class... Parameters>
Launcher<Parameters...> launcher(const char* name, void (*kernel)(Parameters...), unsigned blocks, unsigned threads,
                                 size_t shared = 0, cudaStream_t = nullptr) {
    return {name, kernel, blocks, threads, shared};
}

}  // namespace stand_in

#define __syncthreads() stand_in::barrier(__LINE__)
inline void __threadfence() {}
