/* What dyld tells a program of itself: unwinders and backtraces ask. There is one image, the program. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include "machorun.h"

static int is_inside(const u8 *at) { return at >= image.base && at < image.base + image.span; }

struct unwind_sections { void *header, *dwarf; size_t dwarf_size; void *compact; size_t compact_size; };
static int d_find_unwind(u8 *at, struct unwind_sections *s) {
    if (!is_inside(at)) return 0;
    *s = (struct unwind_sections){image.base, image.eh_frame, image.eh_frame_size, image.unwind_info, image.unwind_info_size};
    return 1;
}
static int d_dladdr(u8 *at, Dl_info *i) { /* names without the underscore, as dlsym has them */
    u64 distance;
    if (!is_inside(at)) return 0;
    const char *name = nearest((u64)at, &distance);
    *i = (Dl_info){image.path, image.base, name ? name + (*name == '_') : NULL, name ? at - distance : NULL};
    return 1;
}
static u32 d_image_count(void) { return 1; }
static const void *d_image_header(u32 i) { return i ? NULL : image.base; }
static const char *d_image_name(u32 i) { return i ? NULL : image.path; }
static intptr_t d_image_slide(u32 i) { return i ? 0 : image.slide; }
static void d_nothing(void) {}
static void *d_dlopen(const char *path, int how) { (void)path, (void)how; return NULL; }
static void *d_dlsym(void *handle, const char *name) {
    char full[256];
    (void)handle;
    return snprintf(full, sizeof full, "_%s", name) < (int)sizeof full ? shim(full) : NULL;
}

/* All imports are bound before the program starts: nobody calls the binder. */
const struct shim image_shims[] = {
    SHIM("_dyld_find_unwind_sections", d_find_unwind), SHIM("_dyld_register_func_for_remove_image", d_nothing),
    SHIM("dladdr", d_dladdr), SHIM("_dyld_image_count", d_image_count), SHIM("_dyld_get_image_header", d_image_header),
    SHIM("_dyld_get_image_name", d_image_name), SHIM("_dyld_get_image_vmaddr_slide", d_image_slide),
    SHIM("dlopen", d_dlopen), SHIM("dlsym", d_dlsym), {"dyld_stub_binder", d_nothing}, {NULL, NULL}};
