/* Makes images of every colour type and depth, interlaced or not, reads them again with transformations; errors come
   back by longjmp. Leaves the last one in `made.png` for libpng's own pngtest. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 61, HEIGHT = 47 };
static png_byte file[1 << 20];
static size_t length, position;

static void put(png_structp png, png_bytep data, size_t size)
{
    (void)png;
    memcpy(file + length, data, size);
    length += size;
}

static void get(png_structp png, png_bytep data, size_t size)
{
    if (position + size > length)
        png_error(png, "no more");
    memcpy(data, file + position, size);
    position += size;
}

static void fail(png_structp png, png_const_charp what)
{
    printf("error: %s\n", what);
    longjmp(png_jmpbuf(png), 1);
}

static void warn(png_structp png, png_const_charp what) { (void)png, printf("warning: %s\n", what); }

static void make(int type, int depth, int interlace)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail, warn);
    png_infop info = png_create_info_struct(png);
    png_color palette[16];
    png_text text = {.compression = PNG_TEXT_COMPRESSION_zTXt, .key = "Title", .text = "Made by a test, made by a test, made by a test"};
    if (setjmp(png_jmpbuf(png)))
        exit(3);
    length = 0;
    png_set_write_fn(png, NULL, put, NULL);
    png_set_IHDR(png, info, WIDTH, HEIGHT, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        for (int i = 0; i < 16; i++)
            palette[i] = (png_color){i * 16, 255 - i, i * i};
        png_set_PLTE(png, info, palette, depth < 4 ? 1 << depth : 16);
    }
    png_set_gAMA(png, info, 0.45455);
    png_set_text(png, info, &text, 1);
    png_set_filter(png, 0, PNG_ALL_FILTERS);
    png_set_compression_level(png, 6);
    png_write_info(png, info);
    size_t bytes = png_get_rowbytes(png, info);
    png_bytep rows[HEIGHT];
    for (int y = 0; y < HEIGHT; y++) {
        rows[y] = malloc(bytes);
        for (size_t x = 0; x < bytes; x++)
            rows[y][x] = type == PNG_COLOR_TYPE_PALETTE && depth == 8 ? (x + y) % 16 : x * y + (x ^ y) * 3;
    }
    png_write_image(png, rows);
    png_write_end(png, info);
    for (int y = 0; y < HEIGHT; y++)
        free(rows[y]);
    png_destroy_write_struct(&png, &info);
}

static void read_back(int expand)
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, warn);
    png_infop info = png_create_info_struct(png);
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        return;
    }
    position = 0;
    png_set_read_fn(png, NULL, get);
    int transforms = expand ? PNG_TRANSFORM_EXPAND | PNG_TRANSFORM_SCALE_16 | PNG_TRANSFORM_GRAY_TO_RGB | PNG_TRANSFORM_BGR : PNG_TRANSFORM_IDENTITY;
    png_read_png(png, info, transforms, NULL);
    unsigned long crc = 0;
    png_bytepp rows = png_get_rows(png, info);
    for (int y = 0; y < HEIGHT; y++)
        for (size_t x = 0; x < png_get_rowbytes(png, info); x++)
            crc = (crc * 33 + rows[y][x]) & 0xffffffff;
    png_textp text;
    int count = png_get_text(png, info, &text, NULL);
    printf("  %d channels, %d bits, %08lx, %d text: %s\n", png_get_channels(png, info), png_get_bit_depth(png, info), crc, count, count ? text[0].text : "");
    png_destroy_read_struct(&png, &info, NULL);
}

int main(void)
{
    static const struct { int type, depths; } kinds[] = {{0, 31}, {2, 24}, {3, 15}, {4, 24}, {6, 24}};
    for (int k = 0; k < 5; k++)
        for (int bit = 0; bit < 5; bit++)
            for (int interlace = 0; interlace < 2; interlace++)
                if (kinds[k].depths >> bit & 1) {
                    make(kinds[k].type, 1 << bit, interlace);
                    printf("type %d depth %d interlace %d: %zu bytes\n", kinds[k].type, 1 << bit, interlace, length);
                    read_back(0);
                    read_back(1);
                }
    FILE *made = fopen("made.png", "wb");
    fwrite(file, 1, length, made);
    fclose(made);
    file[length / 2] ^= 1;
    read_back(0);
    length /= 3;
    read_back(0);
    return 0;
}
