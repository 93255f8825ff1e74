#include "stand_in/memory.h"

#include <sys/mman.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <unistd.h>

#if __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(pointer, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(pointer, bytes)
#endif

namespace {

constexpr size_t capacity = size_t(4) << 30, alignment = 256;

cudaError last_error = cudaSuccess;

// What is freed isn't given out again: whoever still uses it is found by AddressSanitizer, and programs are short.
class DeviceMemory {
public:
    DeviceMemory() : guarded(std::getenv("STAND_IN_GUARD")) {
        start = (char*)mmap(nullptr, capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED) {
            std::perror("no address space for device memory");
            std::abort();
        }
        ASAN_POISON_MEMORY_REGION(start, capacity);
        if (guarded) {
            struct sigaction action = {};
            action.sa_sigaction = [](int, siginfo_t* info, void*) { explain(info->si_addr); };
            action.sa_flags = SA_SIGINFO | SA_RESETHAND;
            sigaction(SIGSEGV, &action, nullptr);
        } else {
            mprotect(start, capacity, PROT_READ | PROT_WRITE);
        }
    }

    void* allocate(size_t bytes) {
        // at least one unused byte after each piece
        const size_t needed = (bytes + alignment) / alignment * alignment;
        if (bytes > capacity || needed > capacity - used) return nullptr;
        char* piece = start + used;
        used += needed;
        pieces[piece] = bytes;
        return piece;
    }

    bool release(void* pointer) {
        const auto piece = pieces.find((char*)pointer);
        if (piece == pieces.end()) return false;
        ASAN_POISON_MEMORY_REGION(pointer, piece->second);
        pieces.erase(piece);
        return true;
    }

    bool holds(const void* pointer, size_t bytes) const {
        auto piece = pieces.upper_bound((char*)pointer);
        if (piece == pieces.begin()) return false;
        --piece;
        return (char*)pointer + bytes <= piece->first + piece->second;
    }

    bool covers(const void* pointer) const { return pointer >= start && pointer < start + capacity; }
    size_t left() const { return capacity - used; }

    void open() {
        if (guarded && users++ == 0) mprotect(start, rounded(), PROT_READ | PROT_WRITE);
    }
    void close() {
        if (guarded && --users == 0) mprotect(start, rounded(), PROT_NONE);
    }

    static void explain(const void* address);

private:
    const bool guarded;
    char* start;
    size_t used = 0;
    int users = 0;
    std::map<char*, size_t> pieces;

    size_t rounded() const {
        const size_t page = sysconf(_SC_PAGESIZE);
        return (used + page - 1) / page * page;
    }
};

DeviceMemory& memory() {
    static DeviceMemory* only = new DeviceMemory;  // never destroyed: destructors of the program still free memory
    return *only;
}

void DeviceMemory::explain(const void* address) {
    if (memory().covers(address)) {
        constexpr char message[] = "stand-in: the host used device memory\n";
        (void)!write(STDERR_FILENO, message, sizeof message - 1);
    }
    std::raise(SIGSEGV);
}

}  // namespace

namespace stand_in {

cudaError fail(cudaError error) { return last_error = error; }

bool on_device(const void* pointer, size_t bytes) { return memory().holds(pointer, bytes); }

void check_argument(const char* kernel, const void* pointer) {
    if (pointer == nullptr || memory().covers(pointer)) return;
    std::fprintf(stderr, "stand-in: %s was given a pointer to host memory\n", kernel);
    std::abort();
}

DeviceScope::DeviceScope() { memory().open(); }
DeviceScope::~DeviceScope() { memory().close(); }

}  // namespace stand_in

using stand_in::fail;

const char* cudaGetErrorString(cudaError error) {
    switch (error) {
        case cudaSuccess: return "no error";
        case cudaErrorInvalidValue: return "invalid argument";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorInvalidConfiguration: return "invalid configuration argument";
        case cudaErrorInvalidDevice: return "invalid device ordinal";
    }
    return "unknown error";
}

cudaError cudaGetLastError() {
    const cudaError error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError cudaPeekAtLastError() { return last_error; }

cudaError cudaMalloc(void** pointer, size_t bytes) {
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    *pointer = memory().allocate(bytes);
    if (*pointer == nullptr) return fail(cudaErrorMemoryAllocation);
    ASAN_UNPOISON_MEMORY_REGION(*pointer, bytes);
    return cudaMemset(*pointer, 0xff, bytes);
}

cudaError cudaFree(void* pointer) {
    return pointer == nullptr || memory().release(pointer) ? cudaSuccess : fail(cudaErrorInvalidValue);
}

cudaError cudaMemGetInfo(size_t* free, size_t* total) {
    *free = memory().left();
    *total = capacity;
    return cudaSuccess;
}

cudaError cudaMemset(void* to, int value, size_t bytes) {
    if (bytes == 0) return cudaSuccess;
    if (!memory().holds(to, bytes)) return fail(cudaErrorInvalidValue);
    const stand_in::DeviceScope scope;
    std::memset(to, value, bytes);
    return cudaSuccess;
}

cudaError cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    if (bytes == 0) return cudaSuccess;
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    const bool right_sides = to_device == memory().covers(to) && from_device == memory().covers(from);
    if (!right_sides || (to_device && !memory().holds(to, bytes)) || (from_device && !memory().holds(from, bytes)))
        return fail(cudaErrorInvalidValue);
    const stand_in::DeviceScope scope;
    std::memcpy(to, from, bytes);
    return cudaSuccess;
}
