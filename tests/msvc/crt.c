/* What Microsoft's C runtime does before main, for programs linked without it: initialisers, the TLS
   directory, the stack probe, and names that compilers expect. */
#include "stdio.h"

#define SECTION(name) __attribute__((section(name), used))

typedef void initialiser(void);
SECTION(".CRT$XCA") static initialiser *first_initialiser[] = {0};
SECTION(".CRT$XCZ") static initialiser *last_initialiser[] = {0};
SECTION(".CRT$XLA") static void *first_callback[] = {0};
SECTION(".CRT$XLZ") static void *last_callback[] = {0};
SECTION(".tls") static char tls_start[8] = {0};
SECTION(".tls$ZZZ") static char tls_end[8] = {0};

unsigned _tls_index;
int _fltused = 0x9875;
/* The vtable of type_info, to which exception types refer. */
void *type_info_vtable __asm__("??_7type_info@@6B@");

const struct {
    void *start, *end, *index, *callbacks;
    unsigned zeros, flags;
} _tls_used = {tls_start, tls_end, &_tls_index, first_callback + 1, 0, 0};

/* Touches every page of a large frame, whose size is in rax. */
__asm__(
    ".globl __chkstk\n"
    "__chkstk:\n"
    "  pushq %rcx\n"
    "  pushq %rax\n"
    "  leaq 24(%rsp), %rcx\n"
    "1: cmpq $0x1000, %rax\n"
    "  jb 2f\n"
    "  subq $0x1000, %rcx\n"
    "  orl $0, (%rcx)\n"
    "  subq $0x1000, %rax\n"
    "  jmp 1b\n"
    "2: subq %rax, %rcx\n"
    "  orl $0, (%rcx)\n"
    "  popq %rax\n"
    "  popq %rcx\n"
    "  ret\n");

int __stdio_common_vfprintf(unsigned long long options, FILE *stream, const char *format, void *locale,
                            __builtin_va_list arguments);
int fflush(FILE *stream);
__declspec(dllimport) void ExitProcess(unsigned status);
int main(void);

int fprintf(FILE *stream, const char *format, ...) {
    __builtin_va_list arguments;
    int written;
    __builtin_va_start(arguments, format);
    written = __stdio_common_vfprintf(0, stream, format, 0, arguments);
    __builtin_va_end(arguments);
    return written;
}

int printf(const char *format, ...) {
    __builtin_va_list arguments;
    int written;
    __builtin_va_start(arguments, format);
    written = __stdio_common_vfprintf(0, stdout, format, 0, arguments);
    __builtin_va_end(arguments);
    return written;
}

void mainCRTStartup(void) {
    initialiser **each;
    int status;
    for (each = first_initialiser + 1; each < last_initialiser; each++)
        if (*each) (*each)();
    status = main();
    fflush(0);
    ExitProcess((unsigned)status);
}
