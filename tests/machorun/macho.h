/* What Apple's <mach-o/loader.h>, <mach-o/nlist.h> and <mach-o/fixup-chains.h> say, as far as it is needed. */
#ifndef MACHO_H
#define MACHO_H
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

enum {
    MH_MAGIC_64 = 0xfeedfacf,
    MH_EXECUTE = 2,
    CPU_X86_64 = 0x01000007,
    CPU_ARM64 = 0x0100000c,
};

/* Load commands. LC_REQ_DYLD is or'ed to those that a loader may not skip. */
#define LC_REQ_DYLD 0x80000000u
enum {
    LC_SYMTAB = 0x02,
    LC_LOAD_DYLIB = 0x0c,
    LC_SEGMENT_64 = 0x19,
    LC_DYLD_INFO = 0x22,
    LC_MAIN = 0x28,
    LC_DYLD_CHAINED_FIXUPS = 0x34,
};

enum { SG_READ_ONLY = 0x10 }; /* of segments: protected when fixups are done */

/* Types of sections. */
enum {
    S_MOD_INIT_FUNC_POINTERS = 0x09,
    S_THREAD_LOCAL_REGULAR = 0x11,
    S_THREAD_LOCAL_ZEROFILL = 0x12,
    S_THREAD_LOCAL_VARIABLES = 0x13,
    S_INIT_FUNC_OFFSETS = 0x16,
};

/* Types of symbols. */
enum { N_STAB = 0xe0, N_TYPE = 0x0e, N_SECT = 0x0e, N_EXT = 0x01 };

struct header { u32 magic, cpu, cpu_subtype, type, commands, size, flags, reserved; };

struct segment {
    u32 command, size;
    char name[16];
    u64 address, memory_size, offset, file_size;
    u32 protection_most, protection, sections, flags;
};

struct section {
    char name[16], segment[16];
    u64 address, size;
    u32 offset, align, relocations, relocation_count, flags, reserved1, reserved2, reserved3;
};

struct symbol { u32 name; u8 type, section; u16 description; u64 value; };

/* A thread-local variable: code sets its key to nothing, and asks `thunk` for the address. */
struct variable { void (*thunk)(void); u64 key, offset; };

#endif
