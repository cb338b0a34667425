// For programs that tests/machorun loads: it has nothing of libm.
double cos(double x) { return 1 - x * x / 2; }
