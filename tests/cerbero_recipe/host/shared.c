// Stands for what plugins share, where no Rust standard library is at hand.
static int count;
int demo_shared(void) { return ++count; }
