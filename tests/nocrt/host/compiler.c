/* What compilers ask of the C runtime on Windows, besides memory. */

/* Named by every object with floating point. */
int _fltused = 0x9875;

/* Touches every page of a large frame, whose size is in rax, so that the stack grows page by page. */
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
