#include <installed/sum.h>
#include <stdio.h>

int main()
{
    printf("sum: %d\n", int(installed_sum(5, 6)));
    return 0;
}
