#include "mini.h"

const int mini_table[8] = {0, 0, 0, 0, 0, 0, 0, 4};
