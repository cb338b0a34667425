/* A program that has kernel32 and nothing else: no C runtime, no start-up code. With -DPANIC it does
   what ends it. */
typedef unsigned long long size;
__declspec(dllimport) void *GetStdHandle(unsigned which);
__declspec(dllimport) int WriteFile(void *file, const void *data, unsigned size, unsigned *written, void *overlapped);
__declspec(dllimport) void ExitProcess(unsigned status);

double nocrt_tally_median(const double *numbers, size count);
unsigned nocrt_tally_different(const unsigned char *bytes, size count);
size nocrt_tally_pieces(void);
unsigned nocrt_words_commonest(const char *text, size size);
size nocrt_words_digits(unsigned long long number);
unsigned nocrt_words_panics(size at);
size nocrt_words_pieces(void);

static void say(const char *text) {
    unsigned size = 0, written;
    while (text[size]) size++;
    WriteFile(GetStdHandle((unsigned)-11), text, size, &written, 0);
}

static int failures;
#define CHECK(condition) if (!(condition)) failures++, say("FAILED: " #condition "\n")

#ifndef ENTRY /* `main` where a C runtime calls it */
#define ENTRY start
#endif

int ENTRY(void) {
    static const double numbers[] = {4.5, -1.0, 2.25, 8.0};
    static const char text[] = "to be or not to be: To Be";
#ifdef WITH_TALLY
    CHECK(nocrt_tally_median(numbers, 4) == 3.375);
    CHECK(nocrt_tally_different((const unsigned char *)text, sizeof text - 1) == 10);
    CHECK(nocrt_tally_pieces() > 0);
#endif
#ifdef WITH_WORDS
    CHECK(nocrt_words_commonest(text, sizeof text - 1) == 3);
    CHECK(nocrt_words_digits(18446744073709551615ull) == 20);
#endif
#if defined WITH_TALLY && defined WITH_WORDS
    /* One `base` for both. */
    CHECK(nocrt_tally_pieces() == nocrt_words_pieces());
#endif
#ifdef PANIC
    nocrt_words_panics(sizeof text);
#endif
    if (!failures) say("all right\n");
    ExitProcess(failures != 0);
    return 0;
}
