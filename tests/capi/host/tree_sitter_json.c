#include "check.h"

const uint32_t *tree_sitter_json(void);

int check_tree_sitter_json(void) {
    /* The version of its tables comes first. */
    CHECK(tree_sitter_json() && *tree_sitter_json() >= 13 && *tree_sitter_json() <= 15);
    return 0;
}
