/* Three plugins with three allocators in one program: each allocates and frees through its own. */
#include <pthread.h>
#include <stdio.h>

typedef void callback(void);
#define PLUGIN(p) \
    int hard_##p##_work(void); \
    int hard_##p##_calls(void); \
    int hard_##p##_dropped(void); \
    void hard_##p##_set_hook(void); \
    int hard_##p##_hooked(void); \
    void hard_##p##_panics(void); \
    void hard_##p##_contains(void); \
    void hard_##p##_call(callback *); \
    int hard_##p##_catches_through(void (*)(callback *));
PLUGIN(first)
PLUGIN(second)
PLUGIN(system)

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

static void *thread(void *unused) {
    CHECK(hard_first_work() == 45);
    CHECK(hard_second_work() == 45);
    CHECK(hard_system_work() == 45);
    return unused;
}

int main(void) {
    pthread_t t;
    int first, second;
    first = hard_first_calls();
    second = hard_second_calls();
    CHECK(hard_first_work() == 45);
    CHECK(hard_first_calls() > first);
    CHECK(hard_second_calls() == second);
    first = hard_first_calls();
    CHECK(hard_second_work() == 45);
    CHECK(hard_second_calls() > second);
    CHECK(hard_first_calls() == first);
    second = hard_second_calls();
    CHECK(hard_system_work() == 45);
    CHECK(hard_first_calls() == first && hard_second_calls() == second);

    /* Thread-local destructors run when a thread ends that all three used. */
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
    CHECK(hard_first_dropped() == 1);
    CHECK(hard_second_dropped() == 1);
    CHECK(hard_system_dropped() == 1);

    /* A hook set in one, replaced in another: each sees its own panics. */
    hard_first_set_hook();
    hard_second_set_hook();
    hard_second_set_hook();
    hard_first_call(hard_first_contains);
    hard_first_call(hard_second_contains);
    hard_system_call(hard_second_contains);
    CHECK(hard_first_hooked() == 1);
    CHECK(hard_second_hooked() == 2);
    hard_system_set_hook();
    hard_second_call(hard_system_contains);
    CHECK(hard_system_hooked() == 1);
    CHECK(hard_first_hooked() == 1 && hard_second_hooked() == 2);

    /* A panic passes the frames of another plugin, drops what is there, and is caught by its owner. */
    first = hard_first_dropped();
    second = hard_second_dropped();
    CHECK(hard_first_catches_through(hard_second_call) == 1);
    CHECK(hard_second_dropped() == second + 100 && hard_first_dropped() == first);
    CHECK(hard_second_catches_through(hard_system_call) == 1);
    CHECK(hard_system_catches_through(hard_first_call) == 1);
    CHECK(hard_first_dropped() == first + 100);
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
