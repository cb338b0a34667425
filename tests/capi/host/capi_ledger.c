#include "check.h"

struct ledger *ledger_open(void);
void ledger_close(struct ledger *);
int64_t ledger_add(struct ledger *, const char *, int64_t);
size_t ledger_error(const struct ledger *, char *, size_t);
size_t ledger_richest(const struct ledger *, char *, size_t);
int64_t ledger_total(const struct ledger *);
size_t ledger_audit(const struct ledger *, int64_t);

int check_capi_ledger(void) {
    char text[64];
    struct ledger *ledger = ledger_open();
    CHECK(ledger_add(ledger, "rent", 700) == 700);
    CHECK(ledger_add(ledger, "bread", 40) == 40);
    CHECK(ledger_add(ledger, "bread", -15) == 25);
    /* C++ throws, Rust catches. */
    CHECK(ledger_add(ledger, "bread", -30) == -1);
    CHECK(ledger_error(ledger, text, sizeof text) == 21 && !strcmp(text, "account bread lacks 5"));
    CHECK(ledger_richest(ledger, text, sizeof text) == 4 && !strcmp(text, "rent"));
    CHECK(ledger_total(ledger) == 725);
    CHECK(ledger_audit(ledger, 100) == 1 && ledger_audit(ledger, 1000) == 2);
    ledger_close(ledger);
    return 0;
}
