#include "measure.h"

int main()
{
    if (!round_trip())
        return 1;
    return 0;
}
