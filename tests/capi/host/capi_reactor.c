#include "check.h"
#include <pthread.h>

struct reactor *reactor_new(size_t);
void reactor_free(struct reactor *);
bool reactor_after(const struct reactor *, uint64_t, void (*)(void *), void *);
uint64_t reactor_sum(const struct reactor *, uint64_t);
bool reactor_echo(const struct reactor *, uint8_t *, size_t);
bool reactor_survives_panic(const struct reactor *);

static void where(void *given) {
    *(pthread_t *)given = pthread_self();
}

int check_capi_reactor(void) {
    pthread_t thread = pthread_self();
    uint8_t bytes[] = "stressed";
    struct reactor *reactor = reactor_new(3);
    CHECK(reactor);
    CHECK(reactor_after(reactor, 2, where, &thread) && !pthread_equal(thread, pthread_self()));
    CHECK(reactor_sum(reactor, 1000) == 499500);
    CHECK(reactor_echo(reactor, bytes, 8) && !strcmp((char *)bytes, "desserts"));
    CHECK(reactor_survives_panic(reactor));
    reactor_free(reactor);
    return 0;
}
