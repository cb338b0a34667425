/* What compilers take for granted where there is no C library: memory. Compiled with -fno-builtin, else
   the loops become calls of the functions that they are. */
typedef unsigned long long size;

void *memcpy(void *to, const void *from, size count) {
    char *t = to;
    const char *f = from;
    while (count--) *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size count) {
    char *t = to;
    const char *f = from;
    if (t < f) return memcpy(to, from, count);
    while (count--) t[count] = f[count];
    return to;
}

void *memset(void *to, int byte, size count) {
    char *t = to;
    while (count--) *t++ = (char)byte;
    return to;
}

int memcmp(const void *one, const void *other, size count) {
    const unsigned char *a = one, *b = other;
    for (; count--; a++, b++)
        if (*a != *b) return *a - *b;
    return 0;
}

size strlen(const char *text) {
    const char *end = text;
    while (*end) end++;
    return (size)(end - text);
}
