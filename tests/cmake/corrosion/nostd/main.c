unsigned without_std(unsigned number);

/* No C library either: the system is asked directly. */
void _start(void)
{
    long status = without_std(14) == 42 ? 0 : 1;
    __asm__ volatile("syscall" : : "a"(60), "D"(status));
}
