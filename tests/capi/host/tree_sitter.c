#include "check.h"
#include "tree_sitter/api.h"

/* Another library's. */
const TSLanguage *tree_sitter_json(void) __attribute__((weak));

int check_tree_sitter(void) {
    static const char text[] = "{\"a\": [1, true, \"x\"], \"b\": }";
    TSParser *parser = ts_parser_new();
    CHECK(parser && !ts_parser_language(parser) && !ts_parser_parse_string(parser, NULL, text, sizeof text - 1));
    if (tree_sitter_json) {
        CHECK(ts_parser_set_language(parser, tree_sitter_json()));
        TSTree *tree = ts_parser_parse_string(parser, NULL, text, sizeof text - 1);
        TSNode root = ts_tree_root_node(tree);
        CHECK(!strcmp(ts_node_type(root), "document") && ts_node_has_error(root));
        TSNode pair = ts_node_named_child(ts_node_named_child(root, 0), 0);
        TSNode array = ts_node_child_by_field_name(pair, "value", 5);
        CHECK(!strcmp(ts_node_type(array), "array") && ts_node_named_child_count(array) == 3);
        uint32_t where;
        TSQueryError error;
        CHECK(!ts_query_new(tree_sitter_json(), "(nothing)", 9, &where, &error) && error == TSQueryErrorNodeType);
        TSQuery *query = ts_query_new(tree_sitter_json(), "(number) @n", 11, &where, &error);
        CHECK(query && ts_query_capture_count(query) == 1);
        TSQueryCursor *cursor = ts_query_cursor_new();
        TSQueryMatch match;
        ts_query_cursor_exec(cursor, query, root);
        CHECK(ts_query_cursor_next_match(cursor, &match) && ts_node_start_byte(match.captures[0].node) == 7);
        ts_query_cursor_delete(cursor);
        ts_query_delete(query);
        ts_tree_delete(tree);
    }
    ts_parser_delete(parser);
    return 0;
}
