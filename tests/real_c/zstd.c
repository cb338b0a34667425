/* zstd's own tests are not in the bundle: levels, streams, dictionaries, threads. */
#define ZSTD_STATIC_LINKING_ONLY
#include "zdict.h"
#include "zstd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 300000 };
static unsigned char text[SIZE], packed[2 * SIZE], back[SIZE];
static unsigned state = 1;

static unsigned next(void) { return (state = state * 1103515245u + 12345u) >> 16; }

static unsigned hash(const void *data, size_t size)
{
    unsigned h = 2166136261u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ ((const unsigned char *)data)[i]) * 16777619u;
    return h;
}

static void compare(const char *what, size_t size)
{
    size_t restored = ZSTD_decompress(back, SIZE, packed, size);
    if (ZSTD_isError(size) || restored != SIZE || memcmp(text, back, SIZE))
        printf("%s: wrong: %s\n", what, ZSTD_getErrorName(ZSTD_isError(size) ? size : restored));
    else
        printf("%s: %zu %08x\n", what, size, hash(packed, size));
}

int main(void)
{
    for (int i = 0; i < SIZE; i++)
        text[i] = i > 100 && next() % 8 ? text[i - 1 - next() % 90] : next() % 23 + 'a';
    for (int level = -3; level <= 19; level += 2) {
        char what[32];
        snprintf(what, sizeof what, "level %d", level);
        compare(what, ZSTD_compress(packed, sizeof packed, text, SIZE, level));
    }
    ZSTD_CCtx *context = ZSTD_createCCtx();
    for (int strategy = ZSTD_fast; strategy <= ZSTD_btultra2; strategy++) {
        char what[32];
        snprintf(what, sizeof what, "strategy %d", strategy);
        ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
        ZSTD_CCtx_setParameter(context, ZSTD_c_strategy, strategy);
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, strategy & 1);
        compare(what, ZSTD_compress2(context, packed, sizeof packed, text, SIZE));
    }
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    printf("workers %d\n", ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, 2)));
    compare("threads", ZSTD_compress2(context, packed, sizeof packed, text, SIZE));
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
    ZSTD_outBuffer out = {packed, sizeof packed, 0};
    for (size_t at = 0; at < SIZE; at += 1 << 14) {
        ZSTD_inBuffer in = {text + at, SIZE - at < 1 << 14 ? SIZE - at : 1 << 14, 0};
        size_t left;
        do
            left = ZSTD_compressStream2(context, &out, &in, at + in.size == SIZE ? ZSTD_e_end : ZSTD_e_flush);
        while (!ZSTD_isError(left) && left);
    }
    compare("stream", out.pos);
    size_t sizes[300];
    for (int i = 0; i < 300; i++)
        sizes[i] = SIZE / 300;
    static char dictionary[10000];
    size_t trained = ZDICT_trainFromBuffer(dictionary, sizeof dictionary, text, sizes, 300);
    printf("dictionary %s %u\n", ZDICT_isError(trained) ? ZDICT_getErrorName(trained) : "made", hash(dictionary, sizeof dictionary));
    ZSTD_CDict *cdict = ZSTD_createCDict(dictionary, trained, 5);
    ZSTD_DDict *ddict = ZSTD_createDDict(dictionary, trained);
    ZSTD_DCtx *decompress = ZSTD_createDCtx();
    size_t size = ZSTD_compress_usingCDict(context, packed, sizeof packed, text, 1000, cdict);
    size_t restored = ZSTD_decompress_usingDDict(decompress, back, SIZE, packed, size, ddict);
    printf("with it %zu %d\n", size, restored == 1000 && !memcmp(back, text, 1000));
    packed[size / 2] ^= 0x40;
    restored = ZSTD_decompress_usingDDict(decompress, back, SIZE, packed, size, ddict);
    printf("spoiled %s %d\n", ZSTD_isError(restored) ? "found" : "not found", restored == 1000 && !memcmp(back, text, 1000));
    ZSTD_freeCDict(cdict), ZSTD_freeDDict(ddict), ZSTD_freeDCtx(decompress), ZSTD_freeCCtx(context);
    printf("version %s\n", ZSTD_versionString());
    return 0;
}
