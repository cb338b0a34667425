/* Each file checks one library, and says where something is not as it should be. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) do { if (!(what)) { printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #what); return 1; } } while (0)
