/* A program with a C library beside a plugin that brings its own `memcpy`. */
#include <stdio.h>
#include <string.h>

unsigned hard_nostd_sum(const unsigned char *data, unsigned long count);

int main(void) {
    static unsigned char source[64], target[64];
    size_t i;
    for (i = 0; i < sizeof source; i++) source[i] = (unsigned char)i;
    memcpy(target, source, sizeof target);
    if (hard_nostd_sum(target, sizeof target) != 63 * 64 / 2) return 1;
    printf("all right\n");
    return 0;
}
