#pragma once
#include "both-ways/src/lib.rs.h"

Size measure(rust::Str name);
bool round_trip();
