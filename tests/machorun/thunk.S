/* A program calls a thread-local variable's thunk with the variable's descriptor in the first register, and counts
   on every register but the result's (and arm64's x16 and x17) being kept: for its caller this is no call. The
   descriptor's third word is the variable's place in the thread's block. */
    .text
    .globl thread_local_thunk
#if defined __x86_64__
    .type thread_local_thunk, @function
thread_local_thunk:
    movq %fs:thread_block@tpoff, %rax
    testq %rax, %rax
    jz 2f
1:  addq 16(%rdi), %rax
    ret
2:  pushq %rbp
    movq %rsp, %rbp
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rbx
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    /* XSAVE's area is aligned to 64 bytes, and its header of 64 bytes at 512 begins as zero. */
    subq $4096, %rsp
    andq $-64, %rsp
    xorl %eax, %eax
    movq %rax, 512(%rsp)
    movq %rax, 520(%rsp)
    movq %rax, 528(%rsp)
    movq %rax, 536(%rsp)
    movq %rax, 544(%rsp)
    movq %rax, 552(%rsp)
    movq %rax, 560(%rsp)
    movq %rax, 568(%rsp)
    /* x87, SSE, AVX and AVX-512. */
    movl $0xe7, %eax
    xorl %edx, %edx
    xsave (%rsp)
    call make_thread_block
    movl $0xe7, %eax
    xorl %edx, %edx
    xrstor (%rsp)
    leaq -72(%rbp), %rsp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rbx
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    popq %rbp
    movq %fs:thread_block@tpoff, %rax
    jmp 1b
#else
    .type thread_local_thunk, %function
    .macro read_block
    mrs x17, tpidr_el0
    add x17, x17, #:tprel_hi12:thread_block
    ldr x17, [x17, #:tprel_lo12_nc:thread_block]
    .endm
thread_local_thunk:
    read_block
    cbz x17, 2f
1:  ldr x16, [x0, #16]
    add x0, x17, x16
    ret
2:  stp x29, x30, [sp, #-16]!
    mov x29, sp
    sub sp, sp, #672
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    str x18, [sp, #128]
    stp q0, q1, [sp, #144]
    stp q2, q3, [sp, #176]
    stp q4, q5, [sp, #208]
    stp q6, q7, [sp, #240]
    stp q8, q9, [sp, #272]
    stp q10, q11, [sp, #304]
    stp q12, q13, [sp, #336]
    stp q14, q15, [sp, #368]
    stp q16, q17, [sp, #400]
    stp q18, q19, [sp, #432]
    stp q20, q21, [sp, #464]
    stp q22, q23, [sp, #496]
    stp q24, q25, [sp, #528]
    stp q26, q27, [sp, #560]
    stp q28, q29, [sp, #592]
    stp q30, q31, [sp, #624]
    bl make_thread_block
    ldp q0, q1, [sp, #144]
    ldp q2, q3, [sp, #176]
    ldp q4, q5, [sp, #208]
    ldp q6, q7, [sp, #240]
    ldp q8, q9, [sp, #272]
    ldp q10, q11, [sp, #304]
    ldp q12, q13, [sp, #336]
    ldp q14, q15, [sp, #368]
    ldp q16, q17, [sp, #400]
    ldp q18, q19, [sp, #432]
    ldp q20, q21, [sp, #464]
    ldp q22, q23, [sp, #496]
    ldp q24, q25, [sp, #528]
    ldp q26, q27, [sp, #560]
    ldp q28, q29, [sp, #592]
    ldp q30, q31, [sp, #624]
    ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldr x18, [sp, #128]
    mov sp, x29
    ldp x29, x30, [sp], #16
    read_block
    b 1b
#endif
    .section .note.GNU-stack, "", %progbits
