int dep_native(void) { return 50; }
int dep_native_unused(void) { return 60; }
