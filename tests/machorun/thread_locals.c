/* Thread locals: each thread's block of them, made when the thread first asks (thunk.S). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "machorun.h"

/* The thunk reads it at a fixed distance from the thread pointer. */
__thread u8 *thread_block __attribute__((tls_model("local-exec")));

void make_thread_block(void) {
    enum { ALIGNED = 64 };
    int saved = errno;
    u64 size = (image.thread_size + ALIGNED) & ~(u64)(ALIGNED - 1);
    thread_block = aligned_alloc(ALIGNED, size);
    if (!thread_block) die("no memory");
    memset(thread_block, 0, size);
    if (image.thread_filled) memcpy(thread_block, image.thread_template, image.thread_filled);
    errno = saved;
}

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;
static void d_tlv_atexit(void (*f)(void *), void *argument) { __cxa_thread_atexit_impl(f, argument, &__dso_handle); }

const struct shim thread_local_shims[] = {
    SHIM("_tlv_bootstrap", thread_local_thunk), SHIM("_tlv_atexit", d_tlv_atexit), {NULL, NULL}};
