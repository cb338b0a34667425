#include "mini.h"

const int mini_table[4] = {1, 2, 3, 4};
