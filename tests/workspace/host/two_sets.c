/* Plugins of two separately melded sets: pattern, record and worker; native, router and idle. What
   they share within a set is one, and apart from the other set's. */
#include <stdio.h>
#include <string.h>

int gst_plugin_pattern_register(void), gst_plugin_record_register(void), gst_plugin_worker_register(void);
int gst_plugin_native_register(void), gst_plugin_router_register(void), gst_plugin_idle_register(void);
int gst_plugin_pattern_count(const char *pattern, const char *haystack);
char *gst_plugin_record_total(const char *json);
void gst_plugin_record_free(char *json);
int gst_plugin_worker_catches(void), gst_plugin_worker_sum(int threads, int count);
unsigned gst_plugin_native_hash(const char *haystack);
int gst_plugin_router_json(void);

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

int main(void) {
    char *json;
    CHECK(gst_plugin_pattern_register() == 1);
    CHECK(gst_plugin_native_register() == 1);
    CHECK(gst_plugin_record_register() == 2);
    CHECK(gst_plugin_router_register() == 2);
    CHECK(gst_plugin_worker_register() == 3);
    CHECK(gst_plugin_idle_register() == 1);
    CHECK(gst_plugin_pattern_count("a+", "aa b a") == 2);
    json = gst_plugin_record_total("{\"name\":\"\",\"values\":[1]}");
    CHECK(json && strstr(json, "\"total\":1"));
    gst_plugin_record_free(json);
    CHECK(gst_plugin_worker_sum(2, 11) == 110 && gst_plugin_worker_catches() == 1);
    CHECK(gst_plugin_native_hash("foobar") == 0xbf9cf968u);
    CHECK(gst_plugin_router_json() == 1);
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
