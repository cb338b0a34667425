extern int plain_hidden __attribute__((visibility("hidden")));
extern int plain_protected, plain_default;
int plain_pick(void);
int strings_common(void), strings_visible(void), strings_pick(void), plain_awake(void);
int (*strings_pick_address(void))(void);
