/* Reads and writes exported variables, thread-local ones in two threads. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

int hard_data_bump(int by);
extern int hard_data_counter, hard_data_zero[4];
extern __thread int hard_data_local, hard_data_local_zero;
extern int *const hard_data_pointer;
extern const char *const hard_data_names[3];

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

static void *thread(void *unused) {
    CHECK(hard_data_local == 9 && hard_data_local_zero == 0);
    CHECK(hard_data_bump(2) == 1);
    CHECK(hard_data_local == 11 && hard_data_local_zero == -2);
    return unused;
}

int main(void) {
    pthread_t t;
    CHECK(hard_data_counter == 5 && hard_data_zero[3] == 0);
    hard_data_counter = 6;
    CHECK(hard_data_bump(1) == 1 && hard_data_bump(1) == 2);
    CHECK(hard_data_counter == 8 && hard_data_zero[3] == 2);
    CHECK(hard_data_local == 11 && hard_data_local_zero == -2);
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
    CHECK(hard_data_local == 11 && hard_data_counter == 10);
    CHECK(*hard_data_pointer == 77);
    CHECK(strcmp(hard_data_names[0], "alpha") == 0 && strcmp(hard_data_names[2], "gamma") == 0);
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
