// Registers the plugins it is compiled with and prints what each returned, then the generation.
#include <stdio.h>

#define DECLARE(name)                                                                              \
    int gst_plugin_##name##_register(void);                                                        \
    int gst_plugin_##name##_get_desc(void);
#define CALL(name)                                                                                 \
    printf(#name "=%d/%d\n", gst_plugin_##name##_register(), gst_plugin_##name##_get_desc());

#ifdef ALPHA
DECLARE(alpha)
#endif
#ifdef BETA
DECLARE(beta)
#endif
#ifdef GAMMA
DECLARE(gamma)
#endif

int main(void) {
#ifdef ALPHA
    CALL(alpha)
#endif
#ifdef BETA
    CALL(beta)
#endif
#ifdef GAMMA
    CALL(gamma)
#endif
    return 0;
}
