int own_native(void) { return 5; }
int own_native_unused(void) { return 6; }
__attribute__((visibility("hidden"))) int own_native_hidden(void) { return 7; }
