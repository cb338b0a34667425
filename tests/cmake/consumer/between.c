int gst_plugin_pattern_count(const char *pattern, const char *haystack);

int words(const char *text) { return gst_plugin_pattern_count("[a-z]+", text); }
