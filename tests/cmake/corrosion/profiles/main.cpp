#include <stdio.h>

extern "C" bool profiled();

int main()
{
    printf("assertions: %s\n", profiled() ? "yes" : "no");
    return 0;
}
