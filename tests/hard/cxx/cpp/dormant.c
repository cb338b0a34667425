/* Only a weak reference speaks of this file, so nothing pulls it. */
int plain_dormant(void) { return 1; }
