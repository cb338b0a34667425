/* wine 8 has no bcryptprimitives.dll, of which Rust's std wants this one function. */
#include <stddef.h>

__declspec(dllexport) int ProcessPrng(unsigned char *data, size_t size) {
    static unsigned state = 1;
    while (size--) *data++ = (unsigned char)((state = state * 1103515245u + 12345u) >> 16);
    return 1;
}
