/* Which of the compiled instruction sets this processor has: the suffix of the functions to call, or null. */
#include <stddef.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

const char *rwkv_instruction_set(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni")) {
        return "avx512vnni";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
        return "avx2";
    }
    return NULL;
#elif defined(__aarch64__)
#if defined(__linux__)
    /* HWCAP_ASIMDDP */
    if (getauxval(AT_HWCAP) & (1 << 20)) {
        return "dotprod";
    }
#endif
    return "neon";
#else
    return NULL;
#endif
}
