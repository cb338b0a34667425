#include <stdio.h>

int own_call(int);
int own_private(void);
int dotted(void) __asm__("own.dotted$name");
int own_native(void);
extern const int OWN_DATA;
extern unsigned char OWN_MUTABLE[8];
#ifdef WHOLE
int dep_call(int), deep_call(int), deep_inside(int);
extern const int DEP_DATA;
#endif

int main(void) {
    int right = own_call(123) == 58 && own_private() == 3 && dotted() == 4 && own_native() == 5 && OWN_DATA == 5;
    OWN_MUTABLE[7] = 9;
    right = right && OWN_MUTABLE[7] == 9;
#ifdef WHOLE
    right = right && dep_call(4) == 8 && deep_call(4) == 4 && deep_inside(7) == 7 && DEP_DATA == 6;
#endif
    puts(right ? "all right" : "wrong");
    return !right;
}
