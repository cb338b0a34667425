#include "check.h"

struct doc *ydoc_new(void);
void ydoc_destroy(struct doc *);
struct branch *ytext(struct doc *, const char *);
struct transaction *ydoc_write_transaction(struct doc *, uint32_t, const char *);
struct transaction *ydoc_read_transaction(struct doc *);
void ytransaction_commit(struct transaction *);
char *ytransaction_state_diff_v1(const struct transaction *, const char *, uint32_t, uint32_t *);
uint8_t ytransaction_apply(struct transaction *, const char *, uint32_t);
void ytext_insert(const struct branch *, struct transaction *, uint32_t, const char *, const void *);
char *ytext_string(const struct branch *, const struct transaction *);
void ystring_destroy(char *);
void ybinary_destroy(char *, uint32_t);

/* Each of two people writes, and each gets what the other one wrote. */
int check_yrs(void) {
    struct doc *docs[2];
    struct branch *texts[2];
    char *whole[2];
    for (int i = 0; i < 2; i++) {
        docs[i] = ydoc_new();
        texts[i] = ytext(docs[i], "story");
        struct transaction *writing = ydoc_write_transaction(docs[i], 0, NULL);
        ytext_insert(texts[i], writing, 0, i ? "world" : "hello", NULL);
        ytransaction_commit(writing);
    }
    for (int i = 0; i < 2; i++) {
        uint32_t length;
        struct transaction *reading = ydoc_read_transaction(docs[i]);
        char *change = ytransaction_state_diff_v1(reading, NULL, 0, &length);
        ytransaction_commit(reading);
        struct transaction *writing = ydoc_write_transaction(docs[!i], 0, NULL);
        CHECK(!ytransaction_apply(writing, change, length));
        CHECK(ytransaction_apply(writing, "\xff\xff\xff", 3));
        ytransaction_commit(writing);
        ybinary_destroy(change, length);
    }
    for (int i = 0; i < 2; i++) {
        struct transaction *reading = ydoc_read_transaction(docs[i]);
        whole[i] = ytext_string(texts[i], reading);
        ytransaction_commit(reading);
    }
    CHECK(!strcmp(whole[0], whole[1]) && strlen(whole[0]) == 10 && strstr(whole[0], "world"));
    for (int i = 0; i < 2; i++) {
        ystring_destroy(whole[i]);
        ydoc_destroy(docs[i]);
    }
    return 0;
}
