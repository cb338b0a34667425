#include "check.h"
#include "rure.h"

#define TEXT(text) (const uint8_t *)(text), strlen(text)

int check_rure(void) {
    rure_match match;
    rure_error *error = rure_error_new();
    rure *date = rure_compile(TEXT("(?P<year>\\d{4})-(\\d\\d)|\\p{Greek}+"), RURE_DEFAULT_FLAGS, NULL, error);
    CHECK(date && rure_find(date, TEXT("on 2024-05 or so"), 0, &match) && match.start == 3 && match.end == 10);
    CHECK(rure_find(date, TEXT("\xce\xb1\xce\xb2"), 0, &match) && match.end == 4);
    rure_captures *captures = rure_captures_new(date);
    CHECK(rure_find_captures(date, TEXT("1999-12"), 0, captures) && rure_captures_len(captures) == 3);
    CHECK(rure_captures_at(captures, rure_capture_name_index(date, "year"), &match) && match.end == 4);
    rure_captures_free(captures);
    rure_free(date);
    CHECK(!rure_compile(TEXT("(open"), RURE_DEFAULT_FLAGS, NULL, error));
    CHECK(strstr(rure_error_message(error), "unclosed group"));
    rure_error_free(error);
    const uint8_t *patterns[] = {(const uint8_t *)"ca+t", (const uint8_t *)"do+g", (const uint8_t *)"^x"};
    const size_t lengths[] = {4, 4, 2};
    bool matches[3];
    rure_set *set = rure_compile_set(patterns, lengths, 3, RURE_DEFAULT_FLAGS, NULL, NULL);
    CHECK(set && rure_set_matches(set, TEXT("caaat and dog"), 0, matches) && matches[0] && matches[1] && !matches[2]);
    rure_set_free(set);
    return 0;
}
