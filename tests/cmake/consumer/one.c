#include <stdio.h>

int words(const char *text);

int main(void) {
    printf("%d words\n", words("one two three"));
    return words("one two three") != 3;
}
