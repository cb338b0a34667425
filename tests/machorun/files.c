/* Files, folders and memory that is mapped. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machorun.h"

struct mac_stat {
    int32_t device; u16 mode, links; u64 inode; u32 user, group; int32_t special, pad;
    struct timespec access, modify, change, birth;
    int64_t size, blocks; int32_t block, flags, generation, spare; int64_t more[2];
};

static int to_mac_stat(int result, const struct stat *s, struct mac_stat *m) {
    if (!result)
        *m = (struct mac_stat){.device = s->st_dev, .mode = s->st_mode, .links = s->st_nlink, .inode = s->st_ino,
            .user = s->st_uid, .group = s->st_gid, .special = s->st_rdev, .access = s->st_atim, .modify = s->st_mtim,
            .change = s->st_ctim, .birth = s->st_ctim, .size = s->st_size, .blocks = s->st_blocks, .block = s->st_blksize};
    return result;
}
static int d_stat(const char *p, void *m) { struct stat s; return to_mac_stat(stat(p, &s), &s, m); }
static int d_lstat(const char *p, void *m) { struct stat s; return to_mac_stat(lstat(p, &s), &s, m); }
static int d_fstat(int fd, void *m) { struct stat s; return to_mac_stat(fstat(fd, &s), &s, m); }

struct mac_entry { u64 inode, seek; u16 length, name_length; u8 type; char name[1024]; };
static int d_readdir_r(DIR *d, struct mac_entry *e, struct mac_entry **result) {
    errno = 0;
    struct dirent *mine = readdir(d);
    *result = mine ? e : NULL;
    if (!mine) return error_to_mac(errno);
    *e = (struct mac_entry){.inode = mine->d_ino, .length = sizeof *e, .name_length = strlen(mine->d_name), .type = mine->d_type};
    memcpy(e->name, mine->d_name, e->name_length + 1);
    return 0;
}

static int d_unlinkat(int folder, const char *path, int flags) {
    enum { MAC_AT_FDCWD = -2, MAC_AT_REMOVEDIR = 0x80 };
    return unlinkat(folder == MAC_AT_FDCWD ? AT_FDCWD : folder, path, flags & MAC_AT_REMOVEDIR ? AT_REMOVEDIR : 0);
}

static void *d_mmap(void *at, size_t size, int protection, int flags, int fd, off_t from) {
    enum { SAME = MAP_SHARED | MAP_PRIVATE | MAP_FIXED, MAC_NORESERVE = 0x40, MAC_ANON = 0x1000 };
    int mine = (flags & SAME) | (flags & MAC_ANON ? MAP_ANONYMOUS : 0) | (flags & MAC_NORESERVE ? MAP_NORESERVE : 0);
    return mmap(at, size, protection, mine, fd, from);
}

const struct shim file_shims[] = {
    SHIM("stat", d_stat), SHIM("lstat", d_lstat), SHIM("fstat", d_fstat), SHIM("readdir_r", d_readdir_r),
    SHIM("mmap", d_mmap), SHIM("unlinkat", d_unlinkat), SHIM("fdopendir", fdopendir),
    {NULL, NULL}};
