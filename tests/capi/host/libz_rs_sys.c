#include "check.h"
#include "zlib.h"

int check_libz_rs_sys(void) {
    static unsigned char plain[100000], packed[100000], again[100000];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (i >> 5) * 31 + i % 3;
    CHECK(crc32(0, (const Bytef *)"123456789", 9) == 0xcbf43926);
    CHECK(adler32(1, (const Bytef *)"Wikipedia", 9) == 0x11e60398);
    uLongf packed_length = sizeof packed, length = sizeof again;
    CHECK(compress2(packed, &packed_length, plain, sizeof plain, 9) == Z_OK && packed_length < sizeof plain / 4);
    CHECK(uncompress(again, &length, packed, packed_length) == Z_OK);
    CHECK(length == sizeof plain && !memcmp(plain, again, length));
    /* A stream, raw, with the program's own memory. */
    z_stream stream = {.next_in = plain, .avail_in = sizeof plain, .next_out = packed, .avail_out = sizeof packed};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_FIXED) == Z_OK);
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END && deflateEnd(&stream) == Z_OK);
    packed_length = stream.total_out;
    packed[packed_length / 2] ^= 0x55;
    stream = (z_stream){.next_in = packed, .avail_in = packed_length, .next_out = again, .avail_out = sizeof again};
    CHECK(inflateInit2(&stream, -15) == Z_OK);
    int result = inflate(&stream, Z_FINISH);
    CHECK((result != Z_STREAM_END || memcmp(plain, again, sizeof plain)) && inflateEnd(&stream) == Z_OK);
    return 0;
}
