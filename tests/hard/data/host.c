/* Reads and writes exported variables, thread-local ones in two threads. (With -DEMULATED the C compiler
   has thread locals of its own making, and only Rust's code gets at Rust's.) */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

int hard_data_bump(int by);
extern int hard_data_counter, hard_data_zero[4];
#ifndef EMULATED
extern __thread int hard_data_local, hard_data_local_zero;
#define LOCALS(one, other) CHECK(hard_data_local == (one) && hard_data_local_zero == (other))
#else
#define LOCALS(one, other) (void)0
#endif
extern int *const hard_data_pointer;
extern const char *const hard_data_names[3];

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

static void *thread(void *unused) {
    LOCALS(9, 0);
    CHECK(hard_data_bump(2) == 1);
    LOCALS(11, -2);
    return unused;
}

int main(void) {
    pthread_t t;
    CHECK(hard_data_counter == 5 && hard_data_zero[3] == 0);
    hard_data_counter = 6;
    CHECK(hard_data_bump(1) == 1 && hard_data_bump(1) == 2);
    CHECK(hard_data_counter == 8 && hard_data_zero[3] == 2);
    LOCALS(11, -2);
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
    LOCALS(11, -2);
    CHECK(hard_data_counter == 10);
    CHECK(*hard_data_pointer == 77);
    CHECK(strcmp(hard_data_names[0], "alpha") == 0 && strcmp(hard_data_names[2], "gamma") == 0);
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
