int demo_host_scale(int value) { return value * 10; }
