// A plugin in C: -DPLUGIN=name.
#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
int demo_shared(void);
int JOIN(gst_plugin_, PLUGIN, _register)(void) { return demo_shared(); }
int JOIN(gst_plugin_, PLUGIN, _get_desc)(void) { return 1; }
