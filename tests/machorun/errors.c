/* Numbers of errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include "machorun.h"

/* Linux' and macOS'. Up to 34 they are the same, but for EAGAIN and EDEADLK. */
static const u8 errors[][2] = {
    {EAGAIN, 35}, {EDEADLK, 11}, {EINPROGRESS, 36}, {EALREADY, 37}, {ENOTSOCK, 38}, {EDESTADDRREQ, 39}, {EMSGSIZE, 40},
    {EPROTOTYPE, 41}, {ENOPROTOOPT, 42}, {EPROTONOSUPPORT, 43}, {EOPNOTSUPP, 102}, {EAFNOSUPPORT, 47}, {EADDRINUSE, 48},
    {EADDRNOTAVAIL, 49}, {ENETDOWN, 50}, {ENETUNREACH, 51}, {ENETRESET, 52}, {ECONNABORTED, 53}, {ECONNRESET, 54},
    {ENOBUFS, 55}, {EISCONN, 56}, {ENOTCONN, 57}, {ETIMEDOUT, 60}, {ECONNREFUSED, 61}, {ELOOP, 62}, {ENAMETOOLONG, 63},
    {EHOSTUNREACH, 65}, {ENOTEMPTY, 66}, {EDQUOT, 69}, {ESTALE, 70}, {ENOLCK, 77}, {ENOSYS, 78}, {EOVERFLOW, 84},
    {ECANCELED, 89}, {EILSEQ, 92}, {EOWNERDEAD, 105}, {ENOTRECOVERABLE, 104}};
enum { LAST_COMMON = 34, MAC_EINVAL = 22 };

int error_to_mac(int e) {
    for (size_t i = 0; i < COUNT(errors); i++)
        if (errors[i][0] == e) return errors[i][1];
    return e > LAST_COMMON ? MAC_EINVAL : e;
}

static int error_from_mac(int e) {
    for (size_t i = 0; i < COUNT(errors); i++)
        if (errors[i][1] == e) return errors[i][0];
    return e;
}

/* Where the program has its errno. glibc never sets its own to 0: what is there and not 0 is newer than what the
   program has seen. */
static __thread int mac_errno;
static int *d_error(void) {
    if (errno) mac_errno = error_to_mac(errno), errno = 0;
    return &mac_errno;
}

extern int __xpg_strerror_r(int, char *, size_t);
static int d_strerror_r(int e, char *out, size_t size) { return error_to_mac(__xpg_strerror_r(error_from_mac(e), out, size)); }
static char *d_strerror(int e) { return strerror(error_from_mac(e)); }

const struct shim error_shims[] = {
    SHIM("__error", d_error), SHIM("strerror_r", d_strerror_r), SHIM("strerror", d_strerror), {NULL, NULL}};
