/* Exports that are data: writable, zero, constant with relocations, thread-local. */
int hard_data_counter = 5;
int hard_data_zero[4];
__thread int hard_data_local = 9;
__thread int hard_data_local_zero;
static int secret = 77;
int *const hard_data_pointer = &secret;
const char *const hard_data_names[] = {"alpha", "beta", "gamma"};

int data_internal(int by) {
    hard_data_counter += by;
    hard_data_local += by;
    hard_data_zero[3] += by;
    hard_data_local_zero -= by;
    return secret;
}
