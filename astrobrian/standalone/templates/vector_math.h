// Says that the C library has these functions for several numbers at once, which its own headers only say to
// programs in which nothing can be infinite or undefined
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && !defined(__FAST_MATH__)
#define SEVERAL __attribute__((simd("notinbranch")))
extern "C"
{
#if __GLIBC_PREREQ(2, 22)
SEVERAL double exp(double) noexcept;
SEVERAL double log(double) noexcept;
SEVERAL double sin(double) noexcept;
SEVERAL double cos(double) noexcept;
SEVERAL double pow(double, double) noexcept;
#endif
#if __GLIBC_PREREQ(2, 35)
SEVERAL double expm1(double) noexcept;
SEVERAL double tanh(double) noexcept;
#endif
}
#undef SEVERAL
#endif
