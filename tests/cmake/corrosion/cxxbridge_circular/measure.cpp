#include "measure.h"

Size measure(rust::Str name)
{
    return Size{static_cast<uint32_t>(name.size()), 3};
}

bool round_trip()
{
    return measure("four").is_that_of("five") && !measure("four").is_that_of("seven");
}
