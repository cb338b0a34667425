/* A program without a C library: `memcpy` comes from the plugin, which never promised it. */
typedef unsigned long size;
unsigned hard_nostd_sum(const unsigned char *data, size count);
void *memcpy(void *to, const void *from, size count);

static void leave(int status) {
    __asm__ volatile("syscall" : : "a"(231), "D"((long)status) : "rcx", "r11", "memory");
    for (;;) {}
}

static unsigned char source[64], target[64];

void _start(void) {
    size i;
    for (i = 0; i < sizeof source; i++) source[i] = (unsigned char)i;
    memcpy(target, source, sizeof target);
    leave(hard_nostd_sum(target, sizeof target) == 63 * 64 / 2 ? 0 : 1);
}
