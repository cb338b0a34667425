#include "points/point.h"

int main()
{
    Point at = {1, 2};
    Point by = {FARTHEST, 40};
    if (!move_point(&at, &by) || move_point(nullptr, &by) || at.y != 42)
        return 1;
    return 0;
}
