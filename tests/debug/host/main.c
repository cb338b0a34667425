/* Calls what both libraries export. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

bool debug_left_panic(uint32_t depth);
bool debug_right_panic(uint32_t depth);
uint32_t debug_left_sum(uint32_t count);
uint32_t debug_right_sum(uint32_t count);

int main(void) {
    bool caught = debug_left_panic(3) && debug_right_panic(4);
    if (caught && debug_left_sum(9) == debug_right_sum(9)) printf("all right\n");
    return 0;
}
