/* The strong definition of a weak function, pulled for the anchor. */
int plain_mood(void) { return 2; }

int strong_anchor(void) { return 1; }
