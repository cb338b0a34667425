/* Fixups, as dyld does them: LC_DYLD_INFO's opcodes and chains of pointers (<mach-o/fixup-chains.h>). */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "machorun.h"

static u64 uleb(const u8 **p) {
    u64 value = 0;
    int shift = 0;
    do value |= (u64)(**p & 0x7f) << shift, shift += 7;
    while (*(*p)++ & 0x80);
    return value;
}

static int64_t sleb(const u8 **p) {
    int64_t value = 0;
    int shift = 0;
    u8 byte;
    do byte = *(*p)++, value |= (int64_t)(byte & 0x7f) << shift, shift += 7;
    while (byte & 0x80);
    if (shift < 64 && (byte & 0x40)) value |= (int64_t)(~0ull << shift);
    return value;
}

static u8 *place(int segment, u64 offset) {
    if (segment >= image.segment_count || offset + 8 > image.segments[segment]->memory_size) die("fixup outside its segment");
    return (u8 *)(image.segments[segment]->address + image.slide + offset);
}

static void slide(u8 *at) {
    u64 value;
    memcpy(&value, at, 8);
    value += image.slide;
    memcpy(at, &value, 8);
}

static void rebase(const u8 *p, const u8 *end) {
    enum {
        DONE = 0x00, SET_TYPE = 0x10, SET_SEGMENT_AND_OFFSET = 0x20, ADD_ADDRESS = 0x30, ADD_ADDRESS_SCALED = 0x40,
        DO_TIMES = 0x50, DO_ULEB_TIMES = 0x60, DO_ADD_ADDRESS = 0x70, DO_ULEB_TIMES_SKIPPING = 0x80
    };
    int segment = 0;
    u64 offset = 0, count, skip;
    while (p < end) {
        u8 operation = *p & 0xf0, immediate = *p & 0x0f;
        p++;
        count = 1, skip = 0;
        switch (operation) {
        case DONE: return;
        case SET_TYPE: if (immediate != 1) die("rebase of type %d", immediate); continue;
        case SET_SEGMENT_AND_OFFSET: segment = immediate, offset = uleb(&p); continue;
        case ADD_ADDRESS: offset += uleb(&p); continue;
        case ADD_ADDRESS_SCALED: offset += immediate * 8; continue;
        case DO_TIMES: count = immediate; break;
        case DO_ULEB_TIMES: count = uleb(&p); break;
        case DO_ADD_ADDRESS: skip = uleb(&p); break;
        case DO_ULEB_TIMES_SKIPPING: count = uleb(&p), skip = uleb(&p); break;
        default: die("rebase opcode %#x", operation);
        }
        while (count--) slide(place(segment, offset)), offset += 8 + skip;
    }
}

enum kind { PLAIN, LAZY, WEAK };

static void bind(const u8 *p, const u8 *end, enum kind kind) {
    enum {
        DONE = 0x00, SET_ORDINAL = 0x10, SET_ORDINAL_ULEB = 0x20, SET_ORDINAL_SPECIAL = 0x30, SET_NAME = 0x40, SET_TYPE = 0x50,
        SET_ADDEND = 0x60, SET_SEGMENT_AND_OFFSET = 0x70, ADD_ADDRESS = 0x80, DO_BIND = 0x90, DO_ADD_ADDRESS = 0xa0,
        DO_ADD_ADDRESS_SCALED = 0xb0, DO_ULEB_TIMES_SKIPPING = 0xc0
    };
    int segment = 0, ordinal = kind == WEAK ? -3 : 0, weak_import = 0;
    u64 offset = 0, count, skip;
    int64_t addend = 0;
    const char *name = "";
    while (p < end) {
        u8 operation = *p & 0xf0, immediate = *p & 0x0f;
        p++;
        count = 1, skip = 0;
        switch (operation) {
        case DONE:
            if (kind == LAZY) continue; /* each lazy one ends so; all are bound at once here */
            return;
        case SET_ORDINAL: ordinal = immediate; continue;
        case SET_ORDINAL_ULEB: ordinal = uleb(&p); continue;
        case SET_ORDINAL_SPECIAL: ordinal = immediate ? (int8_t)(0xf0 | immediate) : 0; continue;
        case SET_NAME: name = (const char *)p, weak_import = immediate & 1, p += strlen(name) + 1; continue;
        case SET_TYPE: if (immediate != 1) die("bind of type %d", immediate); continue;
        case SET_ADDEND: addend = sleb(&p); continue;
        case SET_SEGMENT_AND_OFFSET: segment = immediate, offset = uleb(&p); continue;
        case ADD_ADDRESS: offset += uleb(&p); continue;
        case DO_BIND: break;
        case DO_ADD_ADDRESS: skip = uleb(&p); break;
        case DO_ADD_ADDRESS_SCALED: skip = immediate * 8; break;
        case DO_ULEB_TIMES_SKIPPING: count = uleb(&p), skip = uleb(&p); break;
        default: die("bind opcode %#x", operation);
        }
        u8 *target;
        if (kind == WEAK) {
            target = own(name);
            if (!target) target = shim(name);
            if (!target && !weak_import) { /* stays as it was bound or rebased */
                offset += count * (8 + skip);
                continue;
            }
        } else {
            target = import(name, ordinal, weak_import);
        }
        while (count--) {
            u64 value = target ? (u64)target + addend : 0;
            memcpy(place(segment, offset), &value, 8);
            offset += 8 + skip;
        }
    }
}

struct chained_header { u32 version, starts, imports, symbols, import_count, import_format, symbols_format; };
enum { IMPORT = 1, IMPORT_ADDEND = 2, IMPORT_ADDEND64 = 3 };
enum { PTR_64 = 2, PTR_64_OFFSET = 6, PAGE_WITHOUT = 0xffff };

/* Addresses of all imports. */
static u64 *chained_imports(const u8 *data, const struct chained_header *h) {
    u64 *targets = calloc(h->import_count + 1, sizeof *targets);
    for (u32 i = 0; i < h->import_count; i++) {
        const u8 *at = data + h->imports;
        int64_t addend = 0;
        int ordinal, weak;
        u64 name;
        if (h->import_format == IMPORT || h->import_format == IMPORT_ADDEND) {
            u32 word;
            int32_t narrow = 0;
            at += i * (h->import_format == IMPORT ? 4 : 8);
            memcpy(&word, at, 4);
            if (h->import_format == IMPORT_ADDEND) memcpy(&narrow, at + 4, 4);
            ordinal = (int8_t)word, weak = word >> 8 & 1, name = word >> 9, addend = narrow;
        } else if (h->import_format == IMPORT_ADDEND64) {
            u64 wide;
            memcpy(&wide, at + i * 16, 8), memcpy(&addend, at + i * 16 + 8, 8);
            ordinal = (int16_t)wide, weak = wide >> 16 & 1, name = wide >> 32;
        } else {
            die("chained imports of format %u", h->import_format);
        }
        u8 *target = import((const char *)data + h->symbols + name, ordinal, weak);
        targets[i] = target ? (u64)target + addend : 0;
    }
    return targets;
}

/* Follows one chain. Each pointer says how far the next one is. */
static void chain(u8 *p, u16 format, const u64 *targets, u32 count) {
    for (;;) {
        u64 v;
        memcpy(&v, p, 8);
        u64 next = v >> 51 & 0xfff;
        if (v >> 63) {
            if ((v & 0xffffff) >= count) die("chained import out of range");
            u64 target = targets[v & 0xffffff];
            v = target ? target + (v >> 24 & 0xff) : 0;
        } else {
            u64 high = (v >> 36 & 0xff) << 56, target = v & 0xfffffffffull;
            v = high | (format == PTR_64_OFFSET ? (u64)image.base + target : target + image.slide);
        }
        memcpy(p, &v, 8);
        if (!next) return;
        p += 4 * next;
    }
}

static void chained(const u8 *data) {
    const struct chained_header *h = (const struct chained_header *)data;
    u64 *targets = chained_imports(data, h);
    const u8 *starts = data + h->starts;
    u32 segments;
    memcpy(&segments, starts, 4);
    for (u32 s = 0; s < segments; s++) {
        u32 at;
        memcpy(&at, starts + 4 + 4 * s, 4);
        if (!at) continue;
        const u8 *info = starts + at;
        u16 page_size, format, pages, start;
        u64 from;
        memcpy(&page_size, info + 4, 2), memcpy(&format, info + 6, 2), memcpy(&from, info + 8, 8), memcpy(&pages, info + 20, 2);
        if (format != PTR_64 && format != PTR_64_OFFSET) die("chained pointers of format %u", format);
        for (u32 page = 0; page < pages; page++) {
            memcpy(&start, info + 22 + 2 * page, 2);
            if (start != PAGE_WITHOUT) chain(image.base + from + (u64)page * page_size + start, format, targets, h->import_count);
        }
    }
    free(targets);
}

/* By LC_DYLD_INFO's command, by a program's chains, or neither. */
void fix_up(const u32 *info, const u8 *chains) {
    if (info) {
        rebase(image.file + info[2], image.file + info[2] + info[3]);
        bind(image.file + info[4], image.file + info[4] + info[5], PLAIN);
        bind(image.file + info[8], image.file + info[8] + info[9], LAZY);
        bind(image.file + info[6], image.file + info[6] + info[7], WEAK); /* last: the program's own win */
    }
    if (chains) chained(chains);
}
