/* Registers the plugins chosen with -DWITH_<NAME>, makes an element of each and plays a pipeline
   through it to its end. The argument is the folder with the files it plays. */
#include <gst/gst.h>
#include <stdio.h>

#define TEXT "filesrc location=%s/text.srt ! subparse ! "
#define JSON "filesrc location=%s/text.json ! application/x-json,format=test ! "
#define AUDIO "audiotestsrc num-buffers=20 ! "
#define SINK " ! fakesink sync=false"

struct plugin {
    const char *name;
    void (*enlist)(void);
    const char *element;
    const char *pipeline;
};

#define DECLARE(name) void gst_plugin_##name##_register(void)
#define PLUGIN(name, element, pipeline) {#name, gst_plugin_##name##_register, element, pipeline}

#ifdef WITH_JSON
DECLARE(json);
#endif
#ifdef WITH_REGEX
DECLARE(regex);
#endif
#ifdef WITH_TEXTWRAP
DECLARE(textwrap);
#endif
#ifdef WITH_TEXTAHEAD
DECLARE(textahead);
#endif
#ifdef WITH_TOGGLERECORD
DECLARE(togglerecord);
#endif
#ifdef WITH_FALLBACKSWITCH
DECLARE(fallbackswitch);
#endif
#ifdef WITH_LIVESYNC
DECLARE(livesync);
#endif
#ifdef WITH_THREADSHARE
DECLARE(threadshare);
#endif

static const struct plugin plugins[] = {
#ifdef WITH_JSON
    PLUGIN(json, "jsongstenc", JSON "jsongstenc" SINK),
#endif
#ifdef WITH_REGEX
    PLUGIN(regex, "regex", TEXT "regex" SINK),
#endif
#ifdef WITH_TEXTWRAP
    PLUGIN(textwrap, "textwrap", TEXT "textwrap columns=8" SINK),
#endif
#ifdef WITH_TEXTAHEAD
    PLUGIN(textahead, "textahead", TEXT "textahead" SINK),
#endif
#ifdef WITH_TOGGLERECORD
    PLUGIN(togglerecord, "togglerecord", AUDIO "togglerecord record=true" SINK),
#endif
#ifdef WITH_FALLBACKSWITCH
    PLUGIN(fallbackswitch, "fallbackswitch", AUDIO "fallbackswitch" SINK),
#endif
#ifdef WITH_LIVESYNC
    PLUGIN(livesync, "livesync", AUDIO "livesync" SINK),
#endif
#ifdef WITH_THREADSHARE
    PLUGIN(threadshare, "ts-queue", AUDIO "ts-queue context=test" SINK),
#endif
    {NULL, NULL, NULL, NULL},
};

static int play(const char *description) {
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch(description, &error);
    GstBus *bus;
    GstMessage *message;
    int ended = 0;

    if (!pipeline || error) {
        fprintf(stderr, "%s: %s\n", description, error ? error->message : "no pipeline");
        return 0;
    }
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    bus = gst_element_get_bus(pipeline);
    message = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
        ended = 1;
    } else if (message) {
        gst_message_parse_error(message, &error, NULL);
        fprintf(stderr, "%s: %s\n", description, error->message);
    } else {
        fprintf(stderr, "%s: no end of stream\n", description);
    }
    gst_clear_message(&message);
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
    return ended;
}

int main(int count, char **arguments) {
    int failures = 0;
    const struct plugin *p;

    gst_init(NULL, NULL);
    for (p = plugins; p->name; p++) p->enlist();
    for (p = plugins; p->name; p++) {
        char *description = g_strdup_printf(p->pipeline, count > 1 ? arguments[1] : "");
        GstElement *element = gst_element_factory_make(p->element, NULL);
        int made = element != NULL;
        int ended = made && play(description);
        printf("%s: %s %s, pipeline %s\n", p->name, p->element, made ? "made" : "MISSING",
               ended ? "to its end" : "FAILED");
        failures += !ended;
        if (element) gst_object_unref(element);
        g_free(description);
    }
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
