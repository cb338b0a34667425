#include "check.h"

struct mp4parser;
struct io {
    intptr_t (*read)(uint8_t *, uintptr_t, void *);
    void *given;
};
enum { OK, BAD_ARG, INVALID };
int mp4parse_new(const struct io *, struct mp4parser **);
void mp4parse_free(struct mp4parser *);
int mp4parse_get_track_count(const struct mp4parser *, uint32_t *);
int mp4parse_is_fragmented(struct mp4parser *, uint32_t, uint8_t *);

struct text {
    const uint8_t *bytes;
    size_t left;
};

static intptr_t reads(uint8_t *to, uintptr_t room, void *given) {
    struct text *text = given;
    size_t length = room < text->left ? room : text->left;
    memcpy(to, text->bytes, length);
    text->bytes += length;
    text->left -= length;
    return length;
}

int check_mp4parse_capi(void) {
    /* A file with a film that has no track. */
    static const uint8_t film[24 + 8 + 108] = {
        [3] = 24, 'f', 't', 'y', 'p', 'i', 's', 'o', 'm', [20] = 'i', 's', 'o', 'm',
        [27] = 116, 'm', 'o', 'o', 'v', [35] = 108, 'm', 'v', 'h', 'd',
        [32 + 8 + 4 + 8 + 2] = 3, 0xe8, [32 + 8 + 4 + 12 + 3] = 1, [32 + 107] = 1,
    };
    struct text text = {film, sizeof film};
    struct io io = {reads, &text};
    struct mp4parser *parser = NULL;
    uint32_t count = 99;
    CHECK(mp4parse_new(&io, &parser) == OK && parser);
    CHECK(mp4parse_get_track_count(parser, &count) == OK && count == 0);
    mp4parse_free(parser);
    parser = NULL;
    text = (struct text){film + 4, sizeof film - 4};
    CHECK(mp4parse_new(&io, &parser) != OK && !parser);
    CHECK(mp4parse_new(NULL, &parser) == BAD_ARG);
    return 0;
}
