/* A program that calls one function of one library. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined ONE_capi_ledger
void *ledger_open(void);
int main(void) { return !ledger_open(); }
#elif defined ONE_capi_markdown
bool markdown_owns(const void *);
int main(void) { return markdown_owns("not on the heap"); }
#elif defined ONE_capi_reactor
void reactor_free(void *);
int main(void) { reactor_free(0); }
#elif defined ONE_encoding_c
void *encoding_for_label(const char *, size_t);
int main(void) { return !encoding_for_label("utf8", 4); }
#elif defined ONE_hyper
const char *hyper_version(void);
int main(void) { return hyper_version()[1] != '.'; }
#elif defined ONE_libz_rs_sys
unsigned long crc32(unsigned long, const char *, unsigned);
int main(void) { return crc32(0, "123456789", 9) != 0xcbf43926; }
#elif defined ONE_mp4parse_capi
int mp4parse_new(const void *, void *);
int main(void) { return mp4parse_new(0, 0) != 1; }
#elif defined ONE_rav1e
const char *rav1e_version_short(void);
int main(void) { return rav1e_version_short()[1] != '.'; }
#elif defined ONE_rure
bool rure_is_match(void *, const char *, size_t, size_t);
void *rure_compile_must(const char *);
int main(void) { return !rure_is_match(rure_compile_must("^b+$"), "bbb", 3, 0); }
#elif defined ONE_rustls_ffi
struct text {
    const char *data;
    size_t length;
} rustls_version(void);
int main(void) { return rustls_version().data[0] != 'r'; }
#elif defined ONE_tree_sitter
void *ts_parser_new(void);
int main(void) { return !ts_parser_new(); }
#elif defined ONE_tree_sitter_json
const uint32_t *tree_sitter_json(void);
int main(void) { return tree_sitter_json()[0] > 15; }
#elif defined ONE_yrs
void *ydoc_new(void);
int main(void) { return !ydoc_new(); }
#endif
