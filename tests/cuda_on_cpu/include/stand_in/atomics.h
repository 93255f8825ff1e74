// Atomic functions, as atomic as a CPU's and ordered as little as CUDA's: no other memory is synchronised by them.
#pragma once

#include <cstring>

namespace stand_in {

template <class T, class Next> T atomically(T* address, Next next) {
    T old, value;
    __atomic_load(address, &old, __ATOMIC_RELAXED);
    do
        value = next(old);
    while (!__atomic_compare_exchange(address, &old, &value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}

template <class To, class From> To same_bits(From value) {
    static_assert(sizeof(To) == sizeof(From));
    To bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

}  // namespace stand_in

#define STAND_IN_ATOMIC(name, type, expression) \
    inline type name(type* address, type value) { \
        return stand_in::atomically(address, [=](type old) -> type { return expression; }); \
    }
#define STAND_IN_ATOMIC_CAS(type) \
    inline type atomicCAS(type* address, type expected, type value) { \
        return stand_in::atomically(address, [=](type old) { return old == expected ? value : old; }); \
    }
STAND_IN_ATOMIC(atomicAdd, int, old + value)
STAND_IN_ATOMIC(atomicAdd, unsigned, old + value)
STAND_IN_ATOMIC(atomicAdd, unsigned long long, old + value)
STAND_IN_ATOMIC(atomicAdd, float, old + value)
STAND_IN_ATOMIC(atomicAdd, double, old + value)
STAND_IN_ATOMIC(atomicMin, int, old < value ? old : value)
STAND_IN_ATOMIC_CAS(int)
STAND_IN_ATOMIC_CAS(unsigned)
STAND_IN_ATOMIC_CAS(unsigned long long)
#undef STAND_IN_ATOMIC
#undef STAND_IN_ATOMIC_CAS

inline long long __double_as_longlong(double value) { return stand_in::same_bits<long long>(value); }
inline double __longlong_as_double(long long value) { return stand_in::same_bits<double>(value); }
inline int __float_as_int(float value) { return stand_in::same_bits<int>(value); }
inline float __int_as_float(int value) { return stand_in::same_bits<float>(value); }
