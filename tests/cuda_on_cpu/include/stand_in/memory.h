// Device memory: a region of its own, so that the program can be told when it mixes host and device pointers.
#pragma once

#include <cstddef>

enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorInvalidDevice = 101,
};
enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
using cudaError_t = cudaError;
using cudaStream_t = struct Stream*;

const char* cudaGetErrorString(cudaError);
cudaError cudaGetLastError();
cudaError cudaPeekAtLastError();

// New memory is filled with 0xff: what is read before it was written is NaN or -1.
cudaError cudaMalloc(void** pointer, size_t bytes);
template <class T> cudaError cudaMalloc(T** pointer, size_t bytes) { return cudaMalloc((void**)pointer, bytes); }
cudaError cudaFree(void*);
cudaError cudaMemGetInfo(size_t* free, size_t* total);
cudaError cudaMemset(void*, int value, size_t bytes);
cudaError cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind);

namespace stand_in {

// Remembers an error for `cudaGetLastError`.
cudaError fail(cudaError);
// Whether all of this lies in one piece of device memory that wasn't freed.
bool on_device(const void*, size_t bytes);
// The program ends if a kernel is given a pointer to the host's memory.
void check_argument(const char* kernel, const void* pointer);

// As long as one exists, device memory can be read and written; at other times that ends the program.
class DeviceScope {
public:
    DeviceScope();
    ~DeviceScope();
};

}  // namespace stand_in

// Variables of the device are variables of the program here, so these only check what is copied.
template <class T>
cudaError cudaMemcpyToSymbol(T& symbol, const void* from, size_t bytes, size_t offset = 0,
                             cudaMemcpyKind kind = cudaMemcpyHostToDevice) {
    if (offset + bytes > sizeof symbol || kind != cudaMemcpyHostToDevice || stand_in::on_device(from, bytes))
        return stand_in::fail(cudaErrorInvalidValue);
    __builtin_memcpy((char*)&symbol + offset, from, bytes);
    return cudaSuccess;
}
template <class T>
cudaError cudaMemcpyFromSymbol(void* to, const T& symbol, size_t bytes, size_t offset = 0,
                               cudaMemcpyKind kind = cudaMemcpyDeviceToHost) {
    if (offset + bytes > sizeof symbol || kind != cudaMemcpyDeviceToHost || stand_in::on_device(to, bytes))
        return stand_in::fail(cudaErrorInvalidValue);
    __builtin_memcpy(to, (const char*)&symbol + offset, bytes);
    return cudaSuccess;
}
