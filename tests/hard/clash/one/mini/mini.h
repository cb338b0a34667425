struct mini { int at, step; };
extern int mini_instances;
extern const int mini_table[4];
const char *mini_version(void);
void mini_init(struct mini *m);
int mini_next(struct mini *m);
