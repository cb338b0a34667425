/* Calls every plugin chosen with -DWITH_<NAME> and checks what it answers. Needs no more than a C
   compiler; prints one line a plugin and exits 0 where all was right. */
#include <stdio.h>
#include <string.h>

static int failures;
static int registered;

static void check(const char *what, int right) {
    if (!right) {
        failures++;
        fprintf(stderr, "FAILED: %s\n", what);
    }
}
#define CHECK(condition) check(#condition, (condition))

/* The registry is one for the whole program: each plugin raises the count by one. With -DAPART, for
   libraries prelinked one by one, each has its own. */
static void joined(const char *plugin, int count) {
    registered++;
#ifdef APART
    check(plugin, count == 1);
#else
    check(plugin, count == registered);
#endif
    printf("%s: registered as number %d\n", plugin, count);
}

#ifdef WITH_PATTERN
int gst_plugin_pattern_register(void);
int gst_plugin_pattern_count(const char *pattern, const char *haystack);
static void pattern(void) {
    joined("pattern", gst_plugin_pattern_register());
    CHECK(gst_plugin_pattern_count("[a-z]+[0-9]", "ab1 cd2 ef") == 2);
    CHECK(gst_plugin_pattern_count("\\p{Greek}", "\xce\xb1\xce\xb2x") == 2);
    CHECK(gst_plugin_pattern_count("(", "x") == -1);
}
#endif

#ifdef WITH_RECORD
int gst_plugin_record_register(void);
char *gst_plugin_record_total(const char *json);
void gst_plugin_record_free(char *json);
extern const int gst_plugin_record_version;
static void record(void) {
    char *json;
    joined("record", gst_plugin_record_register());
    CHECK(gst_plugin_record_version == 3);
    json = gst_plugin_record_total("{\"name\":\"n\",\"values\":[1.5,2.25]}");
    CHECK(json && strcmp(json, "{\"name\":\"n\",\"values\":[1.5,2.25],\"total\":3.75}") == 0);
    gst_plugin_record_free(json);
    CHECK(gst_plugin_record_total("{]") == NULL);
    CHECK(gst_plugin_record_total(NULL) == NULL); /* panics inside, caught there */
}
#endif

#ifdef WITH_WORKER
int gst_plugin_worker_register(void);
int gst_plugin_worker_sum(int threads, int count);
int gst_plugin_worker_dropped(void);
int gst_plugin_worker_catches(void);
static void worker(void) {
    joined("worker", gst_plugin_worker_register());
    CHECK(gst_plugin_worker_sum(4, 101) == 4 * 5050);
    CHECK(gst_plugin_worker_dropped() == 4);
    CHECK(gst_plugin_worker_catches() == 1);
}
#endif

#ifdef WITH_NATIVE
int gst_plugin_native_register(void);
unsigned gst_plugin_native_hash(const char *haystack);
int gst_plugin_native_calls(void);
static void native(void) {
    joined("native", gst_plugin_native_register());
    CHECK(gst_plugin_native_hash("12 foobar 3") == 0xbf9cf968u);
    CHECK(gst_plugin_native_hash("12") == 0);
    CHECK(gst_plugin_native_calls() == 1);
}
#endif

#ifdef WITH_ROUTER
int gst_plugin_router_register(void);
unsigned gst_plugin_router_hash(const unsigned char *data, size_t size);
int gst_plugin_router_calls(void);
int gst_plugin_router_wide(void);
int gst_plugin_router_json(void);
static void router(void) {
    joined("router", gst_plugin_router_register());
    CHECK(gst_plugin_router_hash((const unsigned char *)"", 0) == 2166136271u);
    CHECK(gst_plugin_router_hash((const unsigned char *)"foobar", 6) != 0xbf9cf968u);
    CHECK(gst_plugin_router_calls() == 4);
    CHECK(gst_plugin_router_wide() == 1);
#ifndef WITHOUT_ROUTER_JSON
    CHECK(gst_plugin_router_json() == 1);
#endif
}
#endif

#ifdef WITH_IDLE
int gst_plugin_idle_register(void);
static void idle(void) {
    CHECK(gst_plugin_idle_register() == 1);
    printf("idle: here\n");
}
#endif

#ifndef ENTRY /* another name where this becomes a shared library */
#define ENTRY main
#endif

int ENTRY(void) {
#ifdef WITH_PATTERN
    pattern();
#endif
#ifdef WITH_RECORD
    record();
#endif
#ifdef WITH_WORKER
    worker();
#endif
#ifdef WITH_NATIVE
    native();
#endif
#ifdef WITH_ROUTER
    router();
#endif
#ifdef WITH_IDLE
    idle();
#endif
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
