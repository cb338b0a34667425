#include "check.h"

struct html {
    uint8_t *bytes;
    size_t length;
};
struct html markdown_render(const char *, size_t, bool);
void markdown_free(struct html);
bool markdown_owns(const void *);
extern const uint32_t MARKDOWN_INTERFACE;

int check_capi_markdown(void) {
    static const char text[] = "# Pieces\n\n*one* & [two](https://example.org)\n\n|a|b|\n|-|-|\n|1|2|\n";
    static const char wants[] = "<h1>Pieces</h1>\n<p><em>one</em> &amp; <a href=\"https://example.org\">two</a></p>\n<table>";
    struct html html = markdown_render(text, sizeof text - 1, true);
    CHECK(html.length > sizeof wants && !memcmp(html.bytes, wants, sizeof wants - 1));
    /* Of its own allocator, and the C library's memory is not. */
    void *foreign = malloc(1000);
    CHECK(markdown_owns(html.bytes) && !markdown_owns(foreign));
    free(foreign);
    markdown_free(html);
    CHECK(MARKDOWN_INTERFACE == 1);
    return 0;
}
