// The few parts of Thrust that Brian2CUDA uses. Elements of device vectors lie in device memory, and the host reads and
// writes them through references that copy, as Thrust's do.
#pragma once

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "cuda_runtime.h"

namespace thrust {

using std::pair;

struct system_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void check(cudaError error) {
    if (error != cudaSuccess) throw system_error(cudaGetErrorString(error));
}

template <class T> class device_ptr {
public:
    device_ptr() = default;
    explicit device_ptr(T* pointer) : pointer(pointer) {}
    T* get() const { return pointer; }
    device_ptr operator+(std::ptrdiff_t n) const { return device_ptr(pointer + n); }

private:
    T* pointer = nullptr;
};

template <class T> class device_reference {
public:
    explicit device_reference(T* pointer) : pointer(pointer) {}
    operator T() const {
        T value;
        check(cudaMemcpy(&value, pointer, sizeof value, cudaMemcpyDeviceToHost));
        return value;
    }
    device_reference& operator=(const T& value) {
        check(cudaMemcpy(pointer, &value, sizeof value, cudaMemcpyHostToDevice));
        return *this;
    }
    device_reference& operator=(const device_reference& other) { return *this = T(other); }
    device_ptr<T> operator&() const { return device_ptr<T>(pointer); }

private:
    T* pointer;
};

template <class T> T* raw_pointer_cast(T* pointer) { return pointer; }
template <class T> T* raw_pointer_cast(const device_ptr<T>& pointer) { return pointer.get(); }

template <class T> class device_vector;

template <class T> class host_vector : public std::vector<T> {
public:
    using std::vector<T>::vector;
    host_vector() = default;
    host_vector(const device_vector<T>& other) { *this = other; }
    host_vector& operator=(const device_vector<T>& other) {
        this->resize(other.size());
        check(cudaMemcpy(this->data(), other.data().get(), other.size() * sizeof(T), cudaMemcpyDeviceToHost));
        return *this;
    }
};

template <class T> class device_vector {
    static_assert(std::is_trivially_copyable<T>::value, "elements are copied as bytes");

public:
    device_vector() = default;
    explicit device_vector(size_t size) { resize(size); }
    device_vector(const device_vector&) = delete;
    device_vector& operator=(const device_vector&) = delete;
    // Memory that is still there when the program ends is left: a GPU couldn't be asked for it any more either.
    ~device_vector() = default;

    device_vector& operator=(const std::vector<T>& other) {
        resize(other.size());
        check(cudaMemcpy(elements, other.data(), other.size() * sizeof(T), cudaMemcpyHostToDevice));
        return *this;
    }
    size_t size() const { return number; }
    bool empty() const { return number == 0; }
    void resize(size_t size, T value = T()) {
        if (size > capacity) reserve(std::max(size, 2 * capacity));
        stand_in::DeviceScope scope;
        if (size > number) std::fill(elements + number, elements + size, value);
        number = size;
    }
    void push_back(const T& value) { resize(number + 1, value); }
    void clear() { number = 0; }
    void shrink_to_fit() { reserve(number); }
    void swap(device_vector& other) {
        std::swap(elements, other.elements);
        std::swap(number, other.number);
        std::swap(capacity, other.capacity);
    }
    device_ptr<T> data() const { return device_ptr<T>(elements); }
    device_ptr<T> begin() const { return data(); }
    device_ptr<T> end() const { return data() + number; }
    device_reference<T> operator[](size_t i) const { return device_reference<T>(elements + i); }

private:
    T* elements = nullptr;
    size_t number = 0, capacity = 0;

    void reserve(size_t size) {
        T* larger = nullptr;
        if (size) check(cudaMalloc(&larger, size * sizeof(T)));
        check(cudaMemcpy(larger, elements, number * sizeof(T), cudaMemcpyDeviceToDevice));
        check(cudaFree(elements));
        elements = larger;
        capacity = size;
    }
};

template <class T, class Predicate>
std::ptrdiff_t count_if(device_ptr<T> first, device_ptr<T> last, Predicate predicate) {
    stand_in::DeviceScope scope;
    return std::count_if(first.get(), last.get(), predicate);
}
template <class T, class Predicate>
device_ptr<T> copy_if(device_ptr<T> first, device_ptr<T> last, device_ptr<T> to, Predicate predicate) {
    stand_in::DeviceScope scope;
    return device_ptr<T>(std::copy_if(first.get(), last.get(), to.get(), predicate));
}

// What follows is for vectors of the host.
template <class Iterator> void sequence(Iterator first, Iterator last) { std::iota(first, last, 0); }

// Not stable, as Thrust's needn't be: equal keys come out in another order.
template <class Keys, class Values> void sort_by_key(Keys first, Keys last, Values values) {
    const size_t n = last - first;
    std::vector<size_t> order(n);
    for (size_t i = 0; i < n; i++) order[i] = n - 1 - i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return first[a] < first[b]; });
    const std::vector<typename std::iterator_traits<Keys>::value_type> old_keys(first, last);
    const std::vector<typename std::iterator_traits<Values>::value_type> old_values(values, values + n);
    for (size_t i = 0; i < n; i++) {
        first[i] = old_keys[order[i]];
        values[i] = old_values[order[i]];
    }
}
template <class Keys, class Values> pair<Keys, Values> unique_by_key(Keys first, Keys last, Values values) {
    if (first == last) return {first, values};
    size_t kept = 0;
    for (Keys key = first + 1; key != last; ++key)
        if (*key != first[kept]) {
            first[++kept] = *key;
            values[kept] = values[key - first];
        }
    return {first + kept + 1, values + kept + 1};
}

}  // namespace thrust
