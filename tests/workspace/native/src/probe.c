/* `router` has a file of this name whose object has the same name and size and other bytes: a tool
   that tells members apart by name and size loses one of the two. Keep the two files alike, line by
   line, or the debug information differs in size. */
static int calls;

static unsigned step(unsigned hash, unsigned char byte) { return (hash ^ byte) * 16777619u; }

unsigned native_probe_hash(const unsigned char *data, unsigned long size) {
    unsigned hash = 2166136261u;
    for (unsigned long i = 0; i < size; i++) hash = step(hash, data[i]);
    calls += 1;
    return hash;
}

int native_probe_calls(void) { return calls; }
