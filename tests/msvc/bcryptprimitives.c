/* The one function of this DLL that Rust's std uses; wine 8 has no such DLL. */
#include <stddef.h>

__declspec(dllexport) int ProcessPrng(unsigned char *data, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) data[i] = (unsigned char)(i * 37 + 11);
    return 1;
}
