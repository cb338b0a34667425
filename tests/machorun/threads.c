/* Threads: pthreads, os_unfair_lock and what std takes of Grand Central Dispatch. macOS' objects begin with a
   signature; after it they hold a pointer to one of glibc's here. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "machorun.h"

/* Signatures of static initialisers (<pthread/pthread_impl.h>), and ours of an object that is made. */
enum {
    MUTEX_FIRST = 0x32aaaba1, MUTEX_ERRORCHECK = 0x32aaaba1, MUTEX_RECURSIVE = 0x32aaaba2, MUTEX_LAST = 0x32aaaba7,
    COND = 0x3cb0b1bb, RWLOCK = 0x2da8b3b4, ONCE = 0x30b1bcba, MADE = 0x6d616368
};
enum { MAC_TYPE_NORMAL = 0, MAC_TYPE_ERRORCHECK = 1, MAC_TYPE_RECURSIVE = 2 };

struct boxed { _Atomic long signature; void *object; };
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static void *some(size_t size) {
    void *made = calloc(1, size);
    if (!made) die("no memory");
    return made;
}

static void *new_mutex(int type) {
    pthread_mutex_t *m = some(sizeof *m);
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, type == MAC_TYPE_RECURSIVE    ? PTHREAD_MUTEX_RECURSIVE
                                  : type == MAC_TYPE_ERRORCHECK ? PTHREAD_MUTEX_ERRORCHECK
                                                                : PTHREAD_MUTEX_NORMAL);
    pthread_mutex_init(m, &a);
    return m;
}

static void box(void *at, void *object) {
    struct boxed *b = at;
    b->object = object;
    atomic_store(&b->signature, MADE);
}

/* What a static initialiser left is made at its first use. Zeroes are glibc's static initialisers. */
static void *unbox(void *at) {
    struct boxed *b = at;
    if (atomic_load(&b->signature) == MADE) return b->object;
    pthread_mutex_lock(&making);
    long s = atomic_load(&b->signature);
    if (s >= MUTEX_FIRST && s <= MUTEX_LAST)
        box(b, new_mutex(s == MUTEX_ERRORCHECK ? MAC_TYPE_ERRORCHECK : s == MUTEX_RECURSIVE ? MAC_TYPE_RECURSIVE : MAC_TYPE_NORMAL));
    else if (s == COND) box(b, some(sizeof(pthread_cond_t)));
    else if (s == RWLOCK) box(b, some(sizeof(pthread_rwlock_t)));
    else if (s == ONCE) box(b, some(sizeof(pthread_once_t)));
    else if (s != MADE) die("thread object of signature %#lx", s);
    pthread_mutex_unlock(&making);
    return b->object;
}

static int unmake(void *at, int result) {
    struct boxed *b = at;
    if (!result && atomic_exchange(&b->signature, 0) == MADE) free(b->object);
    return error_to_mac(result);
}

static int d_mutexattr_init(int *a) { return a[2] = 0; }
static int d_mutexattr_settype(int *a, int type) { a[2] = type; return 0; }
static int d_mutexattr_destroy(int *a) { (void)a; return 0; }
static int d_mutex_init(void *m, const int *a) { box(m, new_mutex(a ? a[2] : MAC_TYPE_NORMAL)); return 0; }
static int d_mutex_lock(void *m) { return error_to_mac(pthread_mutex_lock(unbox(m))); }
static int d_mutex_trylock(void *m) { return error_to_mac(pthread_mutex_trylock(unbox(m))); }
static int d_mutex_unlock(void *m) { return error_to_mac(pthread_mutex_unlock(unbox(m))); }
static int d_mutex_destroy(void *m) { return unmake(m, pthread_mutex_destroy(unbox(m))); }
static int d_cond_init(void *c, void *a) { (void)a; box(c, some(sizeof(pthread_cond_t))); return 0; }
static int d_cond_wait(void *c, void *m) { return error_to_mac(pthread_cond_wait(unbox(c), unbox(m))); }
static int d_cond_timedwait(void *c, void *m, const struct timespec *t) {
    return error_to_mac(pthread_cond_timedwait(unbox(c), unbox(m), t));
}
static int d_cond_timedwait_relative(void *c, void *m, const struct timespec *t) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_sec += t->tv_sec, now.tv_nsec += t->tv_nsec;
    if (now.tv_nsec >= 1000000000) now.tv_sec++, now.tv_nsec -= 1000000000;
    return error_to_mac(pthread_cond_clockwait(unbox(c), unbox(m), CLOCK_MONOTONIC, &now));
}
static int d_cond_signal(void *c) { return error_to_mac(pthread_cond_signal(unbox(c))); }
static int d_cond_broadcast(void *c) { return error_to_mac(pthread_cond_broadcast(unbox(c))); }
static int d_cond_destroy(void *c) { return unmake(c, pthread_cond_destroy(unbox(c))); }
static int d_rwlock_rdlock(void *r) { return error_to_mac(pthread_rwlock_rdlock(unbox(r))); }
static int d_rwlock_wrlock(void *r) { return error_to_mac(pthread_rwlock_wrlock(unbox(r))); }
static int d_rwlock_tryrdlock(void *r) { return error_to_mac(pthread_rwlock_tryrdlock(unbox(r))); }
static int d_rwlock_trywrlock(void *r) { return error_to_mac(pthread_rwlock_trywrlock(unbox(r))); }
static int d_rwlock_unlock(void *r) { return error_to_mac(pthread_rwlock_unlock(unbox(r))); }
static int d_rwlock_destroy(void *r) { return unmake(r, pthread_rwlock_destroy(unbox(r))); }
static int d_once(void *o, void (*f)(void)) { return pthread_once(unbox(o), f); }

static int d_attr_init(void *a) {
    pthread_attr_t *mine = some(sizeof *mine);
    box(a, mine);
    return pthread_attr_init(mine);
}
static int d_attr_destroy(void *a) { return unmake(a, pthread_attr_destroy(unbox(a))); }
static int d_attr_setstacksize(void *a, size_t n) { return error_to_mac(pthread_attr_setstacksize(unbox(a), n)); }
static int d_attr_setdetachstate(void *a, int state) {
    enum { MAC_DETACHED = 2 };
    return pthread_attr_setdetachstate(unbox(a), state == MAC_DETACHED ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE);
}
static int d_create(pthread_t *t, void *a, void *(*f)(void *), void *argument) {
    return error_to_mac(pthread_create(t, a ? unbox(a) : NULL, f, argument));
}
static int d_key_create(unsigned long *key, void (*f)(void *)) { /* macOS' keys are long */
    pthread_key_t mine;
    int result = pthread_key_create(&mine, f);
    if (!result) *key = mine;
    return error_to_mac(result);
}
static int d_setname(const char *name) { return pthread_setname_np(pthread_self(), name); }
static int d_threadid(pthread_t t, u64 *id) { (void)t; *id = gettid(); return 0; }
/* Code asks for its own thread's, as a number that tells it from others. */
static u32 d_mach_thread(pthread_t t) { (void)t; return gettid(); }
static void *d_stackaddr(pthread_t t) { /* macOS' is the high end */
    pthread_attr_t a;
    void *at = NULL;
    size_t size = 0;
    if (!pthread_getattr_np(t, &a)) pthread_attr_getstack(&a, &at, &size), pthread_attr_destroy(&a);
    return (char *)at + size;
}
static size_t d_stacksize(pthread_t t) {
    pthread_attr_t a;
    size_t size = 0;
    if (!pthread_getattr_np(t, &a)) pthread_attr_getstacksize(&a, &size), pthread_attr_destroy(&a);
    return size;
}

static void d_unfair_lock(_Atomic u32 *l) { while (atomic_exchange(l, 1)) sched_yield(); }
static int d_unfair_trylock(_Atomic u32 *l) { return !atomic_exchange(l, 1); }
static void d_unfair_unlock(_Atomic u32 *l) { atomic_store(l, 0); }

/* Times of Dispatch are nanoseconds of the monotonic clock. */
enum { TIMED_OUT = 49 };
static void *d_semaphore_create(long n) {
    sem_t *s = some(sizeof *s);
    sem_init(s, 0, n);
    return s;
}
static long d_semaphore_signal(void *s) { sem_post(s); return 0; }
static u64 d_dispatch_time(u64 when, int64_t delta) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (when ? when : now.tv_sec * 1000000000ull + now.tv_nsec) + delta;
}
static long d_semaphore_wait(void *s, u64 until) {
    struct timespec t = {until / 1000000000, until % 1000000000};
    int result;
    if (until == 0) return sem_trywait(s) ? TIMED_OUT : 0;
    while ((result = until == ~0ull ? sem_wait(s) : sem_clockwait(s, CLOCK_MONOTONIC, &t)) && errno == EINTR) {}
    return result ? TIMED_OUT : 0;
}
static void d_dispatch_release(void *s) { sem_destroy(s); free(s); }

const struct shim thread_shims[] = {
    SHIM("pthread_mutexattr_init", d_mutexattr_init), SHIM("pthread_mutexattr_settype", d_mutexattr_settype),
    SHIM("pthread_mutexattr_destroy", d_mutexattr_destroy), SHIM("pthread_mutex_init", d_mutex_init),
    SHIM("pthread_mutex_lock", d_mutex_lock), SHIM("pthread_mutex_trylock", d_mutex_trylock),
    SHIM("pthread_mutex_unlock", d_mutex_unlock), SHIM("pthread_mutex_destroy", d_mutex_destroy),
    SHIM("pthread_cond_init", d_cond_init), SHIM("pthread_cond_wait", d_cond_wait),
    SHIM("pthread_cond_timedwait", d_cond_timedwait), SHIM("pthread_cond_timedwait_relative_np", d_cond_timedwait_relative),
    SHIM("pthread_cond_signal", d_cond_signal), SHIM("pthread_cond_broadcast", d_cond_broadcast),
    SHIM("pthread_cond_destroy", d_cond_destroy), SHIM("pthread_rwlock_rdlock", d_rwlock_rdlock),
    SHIM("pthread_rwlock_wrlock", d_rwlock_wrlock), SHIM("pthread_rwlock_tryrdlock", d_rwlock_tryrdlock),
    SHIM("pthread_rwlock_trywrlock", d_rwlock_trywrlock), SHIM("pthread_rwlock_unlock", d_rwlock_unlock),
    SHIM("pthread_rwlock_destroy", d_rwlock_destroy), SHIM("pthread_once", d_once), SHIM("pthread_attr_init", d_attr_init),
    SHIM("pthread_attr_destroy", d_attr_destroy), SHIM("pthread_attr_setstacksize", d_attr_setstacksize),
    SHIM("pthread_attr_setdetachstate", d_attr_setdetachstate), SHIM("pthread_create", d_create),
    SHIM("pthread_key_create", d_key_create), SHIM("pthread_setname_np", d_setname), SHIM("pthread_threadid_np", d_threadid),
    SHIM("pthread_mach_thread_np", d_mach_thread), SHIM("pthread_get_stackaddr_np", d_stackaddr),
    SHIM("pthread_get_stacksize_np", d_stacksize), SHIM("os_unfair_lock_lock", d_unfair_lock), SHIM("os_unfair_lock_trylock", d_unfair_trylock),
    SHIM("os_unfair_lock_unlock", d_unfair_unlock), SHIM("dispatch_semaphore_create", d_semaphore_create),
    SHIM("dispatch_semaphore_signal", d_semaphore_signal), SHIM("dispatch_semaphore_wait", d_semaphore_wait),
    SHIM("dispatch_time", d_dispatch_time), SHIM("dispatch_release", d_dispatch_release), {NULL, NULL}};
