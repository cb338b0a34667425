"""Features of ELF: binding, visibility, thread locals, indirect functions, sets, hand-written assembly."""

from .feature import feature, listed


def elf(**more):
    return feature(formats=('elf',), **more)


def elf_or_macho(**more):
    return feature(formats=('elf', 'macho'), **more)


def bounded(f, name):
    """A section's name in an attribute, and declarations of its bounds, as these formats have them."""
    if f.maker.platform.format == 'elf':
        return name, f'extern const int __start_{name}[], __stop_{name}[];'
    bounds = ((f'__st{end}_{name}', f'section${way}$__DATA${name}') for end, way in (('art', 'start'), ('op', 'end')))
    return f'__DATA,{name}', ''.join(f'extern const int {c}[] __asm("{label}");' for c, label in bounds)


@elf_or_macho()
def weak_inside(f):
    """A weak definition and a strong one in one library's members, pulled or not."""
    for library in f.some():
        f.member(library, '__attribute__((weak)) int hook_XX(void) { return 1; } int weak_QQ(void) { return hook_XX() * 10 + KK; }')
        f.member(library, 'int hook_XX(void) { return 2; } int other_QQ(void) { return 5; }', slot=1)
        f.member(library, 'int weak_QQ(void), other_QQ(void), hook_XX(void); int x_XX_weak(void) { return weak_QQ(); }', slot=2)
        f.call(library, 'printf("LIB: weak %d\\n", x_XX_weak());', 'int x_XX_weak(void);')
        if f.chance(50):
            f.member(library, 'int other_QQ(void), hook_XX(void); int x_XX_pull(void) { return other_QQ() + hook_XX(); }', slot=3)
            f.call(library, 'printf("LIB: pull %d\\n", x_XX_pull());', 'int x_XX_pull(void);')


@elf()
def weak_needs(f):
    """Weak references to what is not there, or is pulled by another reference, or only dead code's."""
    for library in f.some():
        f.member(library, '''
            __attribute__((weak)) int maybe_XX(int); __attribute__((weak)) extern int there_XX; int never_XX(void) __attribute__((weak));
            int x_XX_maybe(int n) { return (maybe_XX ? maybe_XX(n) : -1) + (&there_XX ? there_XX : 1000) + (never_XX ? 1 : 0); }''')
        f.member(library, 'int maybe_XX(int n) { return n + KK; } int there_XX = 4; int pulled_QQ(void) { return 3; }', slot=1)
        f.call(library, 'printf("LIB: maybe %d\\n", x_XX_maybe(2));', 'int x_XX_maybe(int);')
        way = f.rng.choice(['pull', 'dead', 'none'])
        if way == 'pull':
            f.member(library, 'int pulled_QQ(void); int x_XX_pulls(void) { return pulled_QQ(); }', slot=2)
            f.call(library, 'printf("LIB: pulls %d\\n", x_XX_pulls());', 'int x_XX_pulls(void);')
        elif way == 'dead':
            f.member(library, 'int pulled_QQ(void); int dead_QQ(void) { return pulled_QQ(); } int x_XX_dead(void) { return 8; }', slot=2)
            f.call(library, 'printf("LIB: dead %d\\n", x_XX_dead());', 'int x_XX_dead(void);')


@elf_or_macho(meets=True)
def weak_across(f):
    """One hook, weak and strong, in libraries and the program."""
    libraries = f.some()
    way = f.rng.choice(['none', 'none', 'defines', 'weak', 'refers'])
    soft = '__attribute__((weak)) '
    for library in libraries:
        # A library's strong names are hidden from the program on purpose.
        weak = soft if way != 'none' or library != libraries[0] or f.chance(60) else ''
        alone = f.chance(40)
        f.member(library, f'{weak}int hook_TT(void) {{ return KK; }} {weak}int seat_TT = KK;' + ('' if alone else ' int beside_XX(void) { return 1; }'))
        beside = '' if alone else 'int beside_XX(void);'
        f.member(library, f'int hook_TT(void); extern int seat_TT; {beside} int x_XX_hook(void) {{ return hook_TT() + (seat_TT += 3) {"" if alone else "+ beside_XX()"}; }}', slot=1)
        f.call(library, 'printf("LIB: hook %d\\n", x_XX_hook());', 'int x_XX_hook(void);')
    if way in ('defines', 'weak'):
        mark = soft if way == 'weak' else ''
        f.program(f'{mark}int hook_TT(void) {{ return 5; }} {mark}int seat_TT = 6;')
    elif way == 'refers':
        f.program(f'{soft}int hook_TT(void); int asks_TT(void) {{ return hook_TT ? hook_TT() : -5; }}')
        f.call(libraries[0], 'printf("LIB: asks %d\\n", asks_TT());', 'int asks_TT(void);')


@elf(meets=True)
def weak_need_across(f):
    """A weak reference that another library, the program, or nobody satisfies."""
    libraries = f.some()
    giver = f.rng.choice([*f.libraries, 'program', 'nobody'])
    for library in libraries:
        f.member(library, '__attribute__((weak)) int given_TT(int); int x_XX_given(int n) { return given_TT ? given_TT(n) : -KK; }')
        f.call(library, 'printf("LIB: given %d\\n", x_XX_given(2));', 'int x_XX_given(int);')
    if giver == 'program':
        f.program('int given_TT(int n) { return n * 11; }')
    elif giver != 'nobody':
        f.member(giver, 'int given_TT(int n) { return n + KK; } int x_XX_gives(void) { return 4; }', slot='giver')
        f.call(giver, 'printf("LIB: gives %d\\n", x_XX_gives());', 'int x_XX_gives(void);')


@elf_or_macho()
def visibility(f):
    """Hidden, protected and internal names across members; protected exports."""
    kinds = ['hidden', 'protected', 'internal', 'default']
    for library in f.some():
        a, b, c = (f.rng.choice(kinds) for _ in range(3))
        f.member(library, f'''
            __attribute__((visibility("{a}"))) int first_QQ(int n) {{ return n + KK; }}
            __attribute__((visibility("{b}"))) int data_QQ[4] = {{1, 2, 3, KK}};
            __attribute__((visibility("{c}"))) int (*const table_QQ)(int) = first_QQ;''')
        f.member(library, f'''
            {f'__attribute__((visibility("{a}"))) ' if f.chance(50) else ''}int first_QQ(int);
            {f'__attribute__((visibility("{b}"))) ' if f.chance(50) else ''}extern int data_QQ[];
            {f'__attribute__((visibility("{c}"))) ' if f.chance(50) else ''}extern int (*const table_QQ)(int);
            {'__attribute__((visibility("protected"))) ' if f.chance(40) else ''}int x_XX_see(int n) {{ return first_QQ(n) + data_QQ[n & 3]++ + table_QQ(n) + (table_QQ == first_QQ); }}
            ''', slot=1)
        f.call(library, 'for (int i = 0; i < 5; i++) printf("LIB: see %d\\n", x_XX_see(i));', 'int x_XX_see(int);')


@elf_or_macho()
def threads(f):
    """Thread locals by every model, across members and from the program."""
    models = ['global-dynamic', 'local-dynamic', 'initial-exec'] + ([] if f.maker.mode == 'shared' else ['local-exec'])
    for library in f.some():
        def flags():
            dialect = ['-mtls-dialect=gnu2'] if f.maker.platform.name == 'host' and f.chance(20) else []
            return [f'-ftls-model={f.rng.choice(models)}', *dialect]
        kind = f.rng.choice(['', 'static ', '__attribute__((visibility("hidden"))) '])
        f.member(library, f'''
            __thread int open_QQ = KK; __thread char zero_QQ[{f.rng.choice([3, 200])}]; {kind}__thread long own_QQ = 5;
            int *where_QQ(void) {{ return &open_QQ; }}
            long own_of_QQ(void) {{ return own_QQ++ + zero_QQ[1]; }}''', flags=flags(), compiler='gcc')
        f.member(library, '''
            #include <pthread.h>
            extern __thread int open_QQ; extern __thread char zero_QQ[]; int *where_QQ(void); long own_of_QQ(void);
            __thread int x_XX_thread = 9;
            int x_XX_tls(int n) { open_QQ += n; zero_QQ[1]++; return open_QQ + (where_QQ() == &open_QQ) * 100000 + (int)own_of_QQ() + x_XX_thread; }
            static void *run_QQ(void *p) { *(int *)p = x_XX_tls(2); return 0; }
            int x_XX_start(void) { pthread_t t; int got = -1; if (pthread_create(&t, 0, run_QQ, &got)) return -2; pthread_join(t, 0); return got; }''',
                 flags=flags(), compiler='gcc', slot=1)
        f.call(library, 'printf("LIB: tls %d %d\\n", x_XX_tls(1), x_XX_tls(4));', 'int x_XX_tls(int);')
        f.call(library, 'printf("LIB: thread %d\\n", x_XX_start());', 'int x_XX_start(void);')
        if f.chance(40):
            f.call(library, 'x_XX_thread += 7; printf("LIB: thread of program %d %d\\n", x_XX_thread, x_XX_tls(0));', 'extern __thread int x_XX_thread; int x_XX_tls(int);')


@elf()
def aliases(f):
    """Aliases of functions and data, weak and strong, and addresses of them."""
    for library in f.some():
        f.member(library, f'''
            {f.rng.choice(['', 'static '])}int real_QQ(int n) {{ return n * 2 + KK; }}
            int alias_QQ(int) __attribute__((alias("real_QQ")));
            int soft_XX(int) __attribute__((weak, alias("real_QQ")));
            int x_XX_alias(int) __attribute__((alias("real_QQ")));
            int array_QQ[4] = {{1, 2, 3, 4}};
            extern int second_QQ[4] __attribute__((alias("array_QQ")));
            extern int third_XX[4] __attribute__((weak, alias("array_QQ")));''')
        f.member(library, '''
            int alias_QQ(int), soft_XX(int), x_XX_alias(int); extern int array_QQ[], second_QQ[], third_XX[];
            int x_XX_many(int n) { array_QQ[1] += n; return alias_QQ(n) + soft_XX(n) * 2 + second_QQ[1] + third_XX[1] * 10 + (alias_QQ == soft_XX) + 2 * (alias_QQ == x_XX_alias) + 4 * (array_QQ == second_QQ); }''', slot=1)
        f.call(library, 'printf("LIB: alias %d\\n", x_XX_alias(3));', 'int x_XX_alias(int);')
        f.call(library, 'printf("LIB: many %d\\n", x_XX_many(3));', 'int x_XX_many(int);')


@elf()
def indirect(f):
    """Functions that a resolver chooses; called, from tables, from other members. Not compared: where one is
    addressed both ways, linkers give one or two addresses."""
    for library in f.some():
        export = f.chance(40)
        name = 'x_XX_chosen' if export else 'chosen_QQ'
        hidden = '' if export else f.rng.choice(['', '__attribute__((visibility("hidden"))) ', 'static '])
        f.member(library, f'''
            static int plain_QQ(int n) {{ return n + KK; }}
            static int (*resolve_QQ(void))(int) {{ return plain_QQ; }}
            {hidden}int {name}(int) __attribute__((ifunc("resolve_QQ")));
            int call_QQ(int n) {{ return {name}(n) * 2; }}
            int (*take_QQ(void))(int) {{ return {name}; }}''')
        other = '' if hidden == 'static ' else f'{hidden}int {name}(int); int (*const table_QQ[])(int) = {{{name}, {name}}};'
        use = '+ 0' if not other else f'+ {name}(n) + table_QQ[1](n) * 7 + take_QQ()(n)'
        f.member(library, f'''
            int call_QQ(int); int (*take_QQ(void))(int); {other}
            int x_XX_ifunc(int n) {{ return call_QQ(n) + take_QQ()(n) * 5 {use}; }}''', slot=1)
        f.call(library, 'printf("LIB: ifunc %d\\n", x_XX_ifunc(6));', 'int x_XX_ifunc(int);')
        if export:
            f.call(library, 'printf("LIB: chosen %d\\n", x_XX_chosen(4));', 'int x_XX_chosen(int);')


@elf(meets=True)
def shared_indirect(f):
    """A member with an indirect function that several libraries have."""
    libraries = f.some(2)
    f.same(libraries, '''
        static int first_TT(int n) { return n + 1; } static int second_TT(int n) { return n + 2; }
        static void *pick_TT(void) { return (void *)second_TT; }
        int fast_TT(int) __attribute__((ifunc("pick_TT")));
        int slow_TT(int n) { return first_TT(n) + fast_TT(n); }''')
    for library in libraries:
        f.member(library, 'int fast_TT(int), slow_TT(int); int x_XX_fast(int n) { int (*volatile p)(int) = fast_TT; return fast_TT(n) + p(n) * 10 + slow_TT(n) * 100 + KK; }')
        f.call(library, 'printf("LIB: fast %d\\n", x_XX_fast(2));', 'int x_XX_fast(int);')


@elf_or_macho()
def sets(f):
    """A section with bounds: entries of several members, summed by one."""
    for library in f.some():
        count = f.rng.randint(1, 3)
        mark = f.rng.choice(['used', 'used, retain'])
        place, bounds = bounded(f, 'set_XX')
        for k in range(count):
            f.member(library, f'__attribute__(({mark}, section("{place}"))) static const int entry_QQ_{k} = KK + {k}, more_QQ_{k} = {k}; int pull_QQ_{k}(void) {{ return {k}; }}',
                     slot=k, compiler='gcc')
        f.member(library, '\n'.join(f'int pull_QQ_{k}(void);' for k in range(count)) + f'''
            {bounds}
            int x_XX_set(void) {{ long n = {' + '.join(f'pull_QQ_{k}()' for k in range(count))}; for (const int *p = __start_set_XX; p < __stop_set_XX; p++) n += *p; return (int)n * 100 + (int)(__stop_set_XX - __start_set_XX); }}''', slot='user')
        f.call(library, 'printf("LIB: set %d\\n", x_XX_set());', 'int x_XX_set(void);')


@elf_or_macho(meets=True)
def sets_across(f):
    """A section with bounds to which libraries and the program give entries."""
    libraries = f.some()
    reader = f.rng.choice([*libraries, 'program'])
    mark = f.rng.choice(['used', 'used, retain'])
    place, bounds = bounded(f, 'across_TT')
    for library in libraries:
        f.member(library, f'__attribute__(({mark}, section("{place}"))) static const int entry_XX = KK; int x_XX_enter(void) {{ return {7 if f.chance(50) else "entry_XX"}; }}',
                 compiler='gcc')
        f.call(library, 'printf("LIB: enter %d\\n", x_XX_enter());', 'int x_XX_enter(void);')
    count = '{ int n = 0; for (const int *p = __start_across_TT; p < __stop_across_TT; p++) n += *p; return n; }'
    if reader == 'program':
        f.program(f'__attribute__((used, section("{place}"))) static const int mine_TT = 1; {bounds} int total_TT(void) {count}')
        f.call(libraries[0], 'printf("LIB: total %d\\n", total_TT());', 'int total_TT(void);')
    else:
        f.member(reader, f'{bounds} int x_XX_total(void) {count}', slot='reader', compiler='gcc')
        f.call(reader, 'printf("LIB: total %d\\n", x_XX_total());', 'int x_XX_total(void);')
        if f.chance(50):
            f.program(f'__attribute__((used, section("{place}"))) static const int mine_TT = 1; int touch_TT(void) {{ return mine_TT; }}')
            f.call(reader, 'printf("LIB: touch %d\\n", touch_TT());', 'int touch_TT(void);')


@elf()
def arrays(f):
    """Pointers written into the arrays of constructors by hand; a flagged one for before them all."""
    for library in f.some():
        kind = f.rng.choice(['.init_array', '.fini_array', '.init_array.00150', '.ctors.65385', '.init_array.65534'])
        if 'ctors' in kind and f.maker.mode in ('shared',):
            kind = '.init_array'
        dead = f.chance(50)
        f.member(library, f'''
            int arrayed_QQ = KK;
            static void run_QQ(void) {{ arrayed_QQ++; printf("~{kind[-5:] if kind[-1].isdigit() else 0} LIB/QQ array %d\\n", arrayed_QQ); }}
            __attribute__((used, section("{kind}"))) static void (*const slot_QQ)(void) = run_QQ;
            int arrayed_of_QQ(void) {{ return arrayed_QQ; }}''')
        f.member(library, f'''int arrayed_of_QQ(void);
            {'int spare_QQ(void) { return arrayed_of_QQ(); } int x_XX_array(void) { return 6; }' if dead else 'int x_XX_array(void) { return arrayed_of_QQ(); }'}''', slot=1)
        f.call(library, 'printf("LIB: array %d\\n", x_XX_array());', 'int x_XX_array(void);')


@elf(only_on=('host',))
def assembly(f):
    """Sections, symbols and relocations as only assembly writes them."""
    for library in f.some():
        hide = '.hidden text_QQ\\n' if f.maker.mode == 'shared' or f.chance(50) else ''
        f.member(library, f'''
            __asm__(".pushsection .data.QQ,\\"aw\\"\\n"
                    ".globl words_QQ\\n words_QQ: .long 1, 2, 3, {f.rng.randrange(99)}\\n words_end_QQ:\\n"
                    ".globl before_QQ\\n .set before_QQ, words_QQ - 4\\n"
                    ".globl second_QQ\\n .set second_QQ, words_QQ + 4\\n"
                    ".globl number_QQ\\n .set number_QQ, KK\\n"
                    ".globl size_QQ\\n size_QQ: .long words_end_QQ - words_QQ\\n"
                    ".globl apart_QQ\\n apart_QQ: .long text_QQ - .\\n"
                    ".popsection\\n"
                    ".pushsection .text.QQ,\\"ax\\"\\n .type text_QQ,@function\\n .globl text_QQ\\n {hide} text_QQ: leal 3(%rdi), %eax\\n ret\\n .size text_QQ, .-text_QQ\\n"
                    ".popsection\\n");''')
        f.member(library, '''
            extern int words_QQ[], before_QQ[], second_QQ[], size_QQ, apart_QQ; extern char number_QQ[]; int text_QQ(int);
            int x_XX_asm(int n) { return words_QQ[n & 3] + before_QQ[1] * 10 + second_QQ[0] * 100 + size_QQ * 1000 + text_QQ(n)
                + ((int (*)(int))((char *)&apart_QQ + apart_QQ))(n) * 10000; }
            int x_XX_number(void) { return (int)(__SIZE_TYPE__)number_QQ; }''', slot=1, flags=['-fPIC'] if f.maker.mode != 'shared' else [])
        f.call(library, 'for (int i = 0; i < 4; i++) printf("LIB: asm %d\\n", x_XX_asm(i));', 'int x_XX_asm(int);')
        if f.maker.mode in ('no-pie', 'static'):
            f.call(library, 'printf("LIB: number %d\\n", x_XX_number());', 'int x_XX_number(void);')


@elf(only_on=('host',), not_in=('shared',), meets=True)
def runtime_names(f):
    """A library brings a function of the C library."""
    library = f.rng.choice(f.libraries)
    name, text, use = f.rng.choice([
        ('strlen', '__SIZE_TYPE__ strlen(const char *s) { __SIZE_TYPE__ n = 0; calls_QQ++; while (s[n]) n++; return n; }', 'strlen("four" + (n & 1))'),
        ('memcmp', 'int memcmp(const void *a, const void *b, __SIZE_TYPE__ n) { const unsigned char *p = a, *q = b; calls_QQ++; for (; n; n--, p++, q++) if (*p != *q) return *p < *q ? -1 : 1; return 0; }', 'memcmp("ab", "ac", n)'),
        ('abs', 'int abs(int n) { calls_QQ++; return n < 0 ? -n : n; }', 'abs(-n)'),
        ('strchr', 'char *strchr(const char *s, int c) { calls_QQ++; for (; *s; s++) if (*s == c) return (char *)s; return 0; }', '!!strchr("text", n + 110)'),
    ])
    f.member(library, f'int calls_QQ; {text}', flags=['-fno-builtin', '-fno-tree-loop-distribute-patterns'], compiler='gcc')
    f.member(library, f'''
        #include <string.h>
        #include <stdlib.h>
        int x_XX_runtime(int n) {{ return (int){use}; }}''', flags=['-fno-builtin'], slot=1)
    f.call(library, 'for (int i = 0; i < 3; i++) printf("LIB: runtime %d\\n", x_XX_runtime(i));', 'int x_XX_runtime(int);')
    if f.chance(50):
        f.member(library, 'extern int calls_QQ; int x_XX_calls(void) { return calls_QQ > 0; }', slot=2)
        f.call(library, 'printf("LIB: calls %d\\n", x_XX_calls());', 'int x_XX_calls(void);')


@elf(only_on=('host',), not_in=('pie', 'gc-sections', 'shared'))
def large_model(f):
    """Objects of the large and medium code models."""
    for library in f.some():
        model = f.rng.choice(['-mcmodel=large', '-mcmodel=medium'])
        f.member(library, '''
            int far_QQ[20000] = {KK}; int blank_QQ[20000]; const int fixed_QQ[20000] = {3, 4};
            int near_QQ(int n) { return far_QQ[n] + blank_QQ[n]++ + fixed_QQ[n]; }''', flags=[model, '-fno-pic'], compiler='gcc')
        f.member(library, 'extern int far_QQ[]; int near_QQ(int); int x_XX_far(int n) { return near_QQ(n) + far_QQ[0]++; }', flags=[model, '-fno-pic'], slot=1, compiler='gcc')
        f.call(library, 'printf("LIB: far %d %d\\n", x_XX_far(0), x_XX_far(1));', 'int x_XX_far(int);')


@elf_or_macho(meets=True, not_in=('shared',))
def program_gives(f):
    """The program defines what libraries ask for: functions, data, thread locals."""
    libraries = f.some()
    for library in libraries:
        f.member(library, '''
            int asked_TT(int); extern int level_TT; extern __thread int mood_TT; extern const char *const title_TT;
            int x_XX_asks(int n) { level_TT += n; mood_TT++; return asked_TT(n) + level_TT * 10 + mood_TT * 1000 + title_TT[0] + KK; }
            int (*x_XX_which(void))(int) { return asked_TT; }''')
        f.call(library, 'printf("LIB: asks %d %d\\n", x_XX_asks(2), x_XX_which() == asked_TT);', 'int x_XX_asks(int); int (*x_XX_which(void))(int); int asked_TT(int);')
    f.program('int asked_TT(int n) { return n + 70; } int level_TT = 2; __thread int mood_TT = 5; const char *const title_TT = "title";')


FEATURES = listed(globals())
