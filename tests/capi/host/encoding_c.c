#include "check.h"
#include <uchar.h>
#include "encoding_rs.h"

int check_encoding_c(void) {
    /* The Shift_JIS of "piece by piece" in Japanese, with a byte that is none at its end. */
    static const uint8_t text[] = {0x95, 0xd0, 0x81, 0x58, 0xff};
    static const uint8_t wants[] = {0xe7, 0x89, 0x87, 0xe3, 0x80, 0x85, 0xef, 0xbf, 0xbd};
    uint8_t name[ENCODING_NAME_MAX_LENGTH], out[64];
    size_t read = sizeof text, written = sizeof out;
    bool replaced;
    const Encoding *encoding = encoding_for_label((const uint8_t *)" sjis ", 6);
    CHECK(encoding == SHIFT_JIS_ENCODING && encoding != UTF_8_ENCODING);
    CHECK(encoding_name(encoding, name) == 9 && !memcmp(name, "Shift_JIS", 9));
    Decoder *decoder = encoding_new_decoder(encoding);
    CHECK(decoder_decode_to_utf8(decoder, text, &read, out, &written, true, &replaced) == INPUT_EMPTY);
    CHECK(read == sizeof text && written == sizeof wants && replaced && !memcmp(out, wants, sizeof wants));
    decoder_free(decoder);
    read = 6, written = sizeof out;
    Encoder *encoder = encoding_new_encoder(encoding);
    CHECK(encoder_encode_from_utf8(encoder, wants, &read, out, &written, true, &replaced) == INPUT_EMPTY);
    CHECK(written == 4 && !replaced && !memcmp(out, text, 4));
    encoder_free(encoder);
    return 0;
}
