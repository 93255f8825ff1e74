// Small programs, each chosen by its name: right ones, and such that a GPU refuses or gets wrong.
#include <curand.h>
#include <curand_kernel.h>
#include <thrust/device_vector.h>
#include <thrust/host_vector.h>
#include <thrust/sort.h>
#include <thrust/unique.h>

#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

const int N = 150;

template <class T> T* allocate(int n) {
    T* pointer;
    cudaMalloc((void**)&pointer, n * sizeof(T));
    return pointer;
}
template <class T> std::vector<T> fetch(const T* from, int n) {
    std::vector<T> values(n);
    cudaMemcpy(values.data(), from, n * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
}
template <class T> void print(const std::vector<T>& values) {
    for (const T& value : values) std::cout << value << " ";
    std::cout << "\n";
}
void print_error() { std::cout << cudaGetErrorString(cudaGetLastError()) << "\n"; }

__global__ void record(int* counter, int* order) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < N) order[atomicAdd(counter, 1)] = i;
}
__global__ void reverse(int* values) {
    extern __shared__ int mine[];
    mine[threadIdx.x] = threadIdx.x;
    __syncthreads();
    values[blockIdx.x * blockDim.x + threadIdx.x] = mine[blockDim.x - 1 - threadIdx.x];
}
__global__ void reverse_too_early(int* values) {
    extern __shared__ int mine[];
    mine[threadIdx.x] = threadIdx.x;
    values[blockIdx.x * blockDim.x + threadIdx.x] = mine[blockDim.x - 1 - threadIdx.x];
}
__global__ void part_ways() {
    if (threadIdx.x % 2)
        __syncthreads();
    else
        __syncthreads();
}
__global__ void twice(double* x) { x[threadIdx.x] *= 2; }
__global__ void add_plainly(int* sum) { *sum += 1; }
__global__ void add_atomically(int* sum) { atomicAdd(sum, 1); }
__global__ void set_seeds(curandState* states) { curand_init(1, threadIdx.x, 0, &states[threadIdx.x]); }
__global__ void draw(curandState* states, double* values, int kind) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    curandState* state = &states[threadIdx.x];
    values[i] = kind == 0   ? curand_uniform_double(state)
                : kind == 1 ? curand_normal_double(state)
                            : curand_poisson(state, 3);
}

template <class Kernel> void sum_with(Kernel kernel) {
    int* sum = allocate<int>(1);
    cudaMemset(sum, 0, sizeof(int));
    kernel<<<3, 50>>>(sum);
    print(fetch(sum, 1));
}
void on_host(int kind) {
    const int n = 10000;
    curandGenerator_t generator;
    curandCreateGenerator(&generator, CURAND_RNG_PSEUDO_DEFAULT);
    curandSetPseudoRandomGeneratorSeed(generator, 1);
    if (kind == 2) {
        unsigned* values = allocate<unsigned>(n);
        curandGeneratePoisson(generator, values, n, 3);
        print(fetch(values, n));
        return;
    }
    double* values = allocate<double>(n);
    if (kind == 0) curandGenerateUniformDouble(generator, values, n);
    if (kind == 1) curandGenerateNormalDouble(generator, values, n, 0, 1);
    print(fetch(values, n));
}
void on_device(int kind) {
    const int n = 200 * 50;
    curandState* states = allocate<curandState>(50);
    double* values = allocate<double>(n);
    set_seeds<<<1, 50>>>(states);
    for (int i = 0; i < 200; i++) draw<<<1, 50>>>(states, values + 50 * i, kind);
    print(fetch(values, n));
}

const std::map<std::string, std::function<void()>> examples = {
    {"order",
     [] {
         int *counter = allocate<int>(1), *order = allocate<int>(N);
         cudaMemset(counter, 0, sizeof(int));
         record<<<3, 64>>>(counter, order);
         print(fetch(order, N));
     }},
    {"barrier",
     [] {
         int* values = allocate<int>(3 * 64);
         reverse<<<3, 64, 64 * sizeof(int)>>>(values);
         print(fetch(values, 3 * 64));
     }},
    {"missing_barrier",
     [] {
         int* values = allocate<int>(64);
         reverse_too_early<<<1, 64, 64 * sizeof(int)>>>(values);
     }},
    {"different_barriers", [] { part_ways<<<1, 2>>>(); }},
    {"no_blocks", [] { part_ways<<<0, 1>>>(), print_error(); }},
    {"no_threads", [] { part_ways<<<1, 0>>>(), print_error(); }},
    {"too_many_threads", [] { part_ways<<<1, 65>>>(), print_error(); }},
    {"too_much_shared", [] { part_ways<<<1, 1, 1 << 20>>>(), print_error(); }},
    {"copy_too_much",
     [] {
         double* x = allocate<double>(10);
         std::vector<double> values(11);
         cudaMemcpy(x, values.data(), 11 * sizeof(double), cudaMemcpyHostToDevice), print_error();
     }},
    {"copy_wrong_way",
     [] {
         double *x = allocate<double>(1), value = 1;
         cudaMemcpy(x, &value, sizeof value, cudaMemcpyDeviceToHost), print_error();
     }},
    {"free_twice",
     [] {
         double* x = allocate<double>(1);
         cudaFree(x), cudaFree(x), print_error();
     }},
    {"too_much_memory", [] { double* x; cudaMalloc(&x, size_t(1) << 40), print_error(); }},
    {"odd_number_of_normals",
     [] {
         curandGenerator_t generator;
         curandCreateGenerator(&generator, CURAND_RNG_PSEUDO_DEFAULT);
         const auto status = curandGenerateNormalDouble(generator, allocate<double>(3), 3, 0, 1);
         std::cout << (status == CURAND_STATUS_LENGTH_NOT_MULTIPLE ? "length not multiple" : "none") << "\n";
     }},
    {"host_pointer",
     [] {
         std::vector<double> x(4);
         twice<<<1, 4>>>(x.data());
     }},
    {"host_reads", [] { std::cout << *allocate<double>(1) << "\n"; }},
    {"unwritten",
     [] {
         double* x = allocate<double>(1);
         twice<<<1, 1>>>(x);
         print(fetch(x, 1));
     }},
    {"atomic_sum", [] { sum_with(add_atomically); }},
    {"plain_sum", [] { sum_with(add_plainly); }},
    {"one_too_far", [] { twice<<<1, 4>>>(allocate<double>(3)); }},
    {"after_free",
     [] {
         double* x = allocate<double>(4);
         cudaFree(x);
         twice<<<1, 4>>>(x);
     }},
    {"uniform_host", [] { on_host(0); }},
    {"normal_host", [] { on_host(1); }},
    {"poisson_host", [] { on_host(2); }},
    {"uniform_device", [] { on_device(0); }},
    {"normal_device", [] { on_device(1); }},
    {"poisson_device", [] { on_device(2); }},
    {"sorted",
     [] {
         thrust::host_vector<int> keys{3, 1, 2, 3, 1}, values{0, 1, 2, 3, 4}, first(5);
         thrust::sort_by_key(keys.begin(), keys.end(), values.begin());
         print(keys), print(values);
         thrust::sequence(first.begin(), first.end());
         const auto end = thrust::unique_by_key(keys.begin(), keys.end(), first.begin());
         print(std::vector<int>(keys.begin(), end.first)), print(std::vector<int>(first.begin(), end.second));
     }},
};

int main(int, char** argv) {
    examples.at(argv[1])();
    return 0;
}
