"""Features of C that all formats have."""

from .feature import feature, listed


@feature()
def statics(f):
    """Statics of one name in several members: each its own."""
    for library in f.libraries:
        count = f.rng.randint(2, 3)
        same = f.chance(50)
        for k in range(count):
            value = 5 if same else 5 + k
            f.member(library, f'''
                static int counter_TT = {value} + KK;
                static const int table_TT[4] = {{{value}, 6, 7, 8}};
                static int step_TT(int n) {{ static int calls_TT; return (counter_TT += n) * 10 + ++calls_TT; }}
                const void *where_QQ_{k}(void) {{ return table_TT; }}
                int *cell_QQ_{k}(void) {{ return &counter_TT; }}
                int part_QQ_{k}(int n) {{ return step_TT(n + {0 if same else k}) + table_TT[n & 3]; }}''', slot=k)
        parts = '\n'.join(f'int part_QQ_{k}(int); const void *where_QQ_{k}(void); int *cell_QQ_{k}(void);' for k in range(count))
        sums = ' + '.join(f'part_QQ_{k}(n)' for k in range(count))
        f.member(library, f'''
            {parts}
            int x_XX_sum(int n) {{ return {sums} + KK; }}
            int x_XX_apart(void) {{ return (where_QQ_0() == where_QQ_1()) * 2 + (cell_QQ_0() == cell_QQ_1()); }}''', slot=count)
        f.call(library, 'printf("LIB: statics %d %d\\n", x_XX_sum(1), x_XX_sum(2));', 'int x_XX_sum(int);')
        f.call(library, 'printf("LIB: apart %d\\n", x_XX_apart());', 'int x_XX_apart(void);')


@feature()
def pointers(f):
    """Function pointers, called and compared with what another member and the program see."""
    for library in f.some():
        data = f.rng.choice(['static ', '']) + f.rng.choice(['int (*', 'int (*const '])
        f.member(library, f'''
            int one_QQ(int n) {{ return n + KK; }}
            int two_QQ(int n) {{ return n * 3; }}
            {f.rng.choice(['static ', ''])}int three_QQ(int n) {{ return n - 9; }}
            {data}table_QQ[])(int) = {{one_QQ, two_QQ, three_QQ, one_QQ}};
            int (*x_XX_get(int i))(int) {{ return table_QQ[i & 3]; }}''')
        f.member(library, '''
            int one_QQ(int); int two_QQ(int); int (*x_XX_get(int))(int);
            static int (*volatile mine_QQ)(int) = two_QQ;
            int x_XX_same(void) { return (x_XX_get(0) == one_QQ) + 2 * (x_XX_get(1) == mine_QQ) + 4 * (x_XX_get(2) == one_QQ)
                + 8 * (x_XX_get(3) == x_XX_get(0)); }
            int x_XX_through(int n) { return mine_QQ(n) + x_XX_get(n)(n); }''', slot=1)
        f.call(library, 'for (int i = 0; i < 4; i++) printf("LIB: pointer %d %d\\n", x_XX_get(i)(i), x_XX_through(i));',
               'int (*x_XX_get(int))(int); int x_XX_through(int);')
        f.call(library, 'printf("LIB: same %d %d\\n", x_XX_same(), x_XX_get(0) == x_XX_get(3));',
               'int x_XX_same(void); int (*x_XX_get(int))(int);')


@feature()
def tables(f):
    """Switches that become tables of jumps, and labels as values."""
    for library in f.some():
        cases = '\n'.join(f'case {k}: {f.rng.choice(["n += %d; break;", "n ^= %d; break;", "return n * %d;", "n -= %d;"]) % f.rng.randrange(1, 99)}'
                          for k in range(f.rng.randint(6, 24)))
        f.member(library, f'''
            int x_XX_switch(int k, int n) {{ switch (k) {{ {cases} default: n = -n; }} return n + KK; }}
            int x_XX_labels(int k) {{
                static const void *const places[] = {{&&first, &&second, &&third}};
                int n = KK;
                goto *places[k % 3];
                first: n += 1;
                second: n *= 2;
                third: return n - k;
            }}''')
        f.call(library, 'for (int i = -1; i < 26; i++) printf("LIB: switch %d\\n", x_XX_switch(i, i * 7));', 'int x_XX_switch(int, int);')
        f.call(library, 'for (int i = 0; i < 4; i++) printf("LIB: labels %d\\n", x_XX_labels(i));', 'int x_XX_labels(int);')


@feature()
def strings(f):
    """Strings and constants that linkers merge, tails too."""
    for library in f.some():
        words = f.rng.sample(['alpha', 'Xalpha', 'YXalpha', 'beta', 'a', '', 'pha', 'gamma gamma', 'ma'], 5)
        for k in range(2):
            listed_words = ', '.join(f'"{w}"' for w in (words[k:] + words[:k]))
            f.member(library, f'''
                const char *const words_QQ_{k}[] = {{{listed_words}}};
                const char *word_QQ_{k}(int i) {{ return words_QQ_{k}[i] + (i & 1 && words_QQ_{k}[i][0]); }}
                double number_QQ_{k}(int i) {{ return i * 1.5 + {k}.25 + (i > 2 ? 1e10 : 0.1); }}
                const char *local_QQ_{k}(int i) {{ return i ? "{words[0]}" : "tail of {words[0]}"; }}''', slot=k)
        f.member(library, '''
            const char *word_QQ_0(int), *word_QQ_1(int), *local_QQ_0(int), *local_QQ_1(int);
            double number_QQ_0(int), number_QQ_1(int);
            extern const char *const words_QQ_0[];
            void x_XX_words(int i) {
                printf("LIB: words %s %s %s", word_QQ_0(i), word_QQ_1(i), words_QQ_0[i]);
                printf(" %s %s %.3f KK\\n", local_QQ_0(i & 1), local_QQ_1(i & 2), number_QQ_0(i) + number_QQ_1(i));
            }''', slot=2)
        f.call(library, 'for (int i = 0; i < 5; i++) x_XX_words(i);', 'void x_XX_words(int);')


@feature()
def constructors(f):
    """Constructors and destructors, with and without priorities, and one that only dead code pulls."""
    for library in f.libraries:
        for k in range(f.rng.randint(1, 3)):
            texts = [f'int state_QQ_{k} = KK;']
            for c in range(f.rng.randint(1, 3)):
                kind = f.rng.choice(['constructor', 'constructor', 'destructor'])
                priority = f.rng.choice([None, None, 101, 102, 200, 65000])
                texts.append(f'''
                    __attribute__(({kind}{f'({priority})' if priority else ''})) static void {kind[0]}{c}_QQ_{k}(void) {{
                    state_QQ_{k} += {c + 1};
                    printf("~{priority or 0} LIB/QQ.{k} {kind} {c} %d\\n", state_QQ_{k}); }}''')
            texts.append(f'int part_QQ_{k}(void) {{ return state_QQ_{k}; }}')
            f.member(library, '\n'.join(texts), slot=k)
            dead = f.chance(40)
            # Nothing calls what refers to the member, or a call that is never made does.
            f.member(library, f'''
                int part_QQ_{k}(void);
                {f'int unused_QQ_{k}(void) {{ return part_QQ_{k}(); }} int x_XX_{k}(void) {{ return {k}; }}' if dead
                 else f'int x_XX_{k}(void) {{ return part_QQ_{k}() * 2; }}'}''', slot=f'use {k}')
            f.call(library, f'printf("LIB: state %d\\n", x_XX_{k}());', f'int x_XX_{k}(void);')


@feature()
def dead(f):
    """Members that only dead code asks for, and chains of them; some say that they are there."""
    for library in f.libraries:
        depth = f.rng.randint(2, 4)
        for k in range(depth):
            then = f'+ next_QQ_{k + 1}()' if k + 1 < depth else ''
            said = (f'__attribute__((constructor)) static void here_QQ_{k}(void) {{ printf("~0 LIB/QQ.{k} here\\n"); }}'
                    if f.chance(50) else '')
            f.member(library, f'''
                int next_QQ_{k + 1}(void);
                int live_QQ_{k}(void) {{ return {k} + KK; }}
                int next_QQ_{k}(void) {{ return {k} {then}; }}
                {said}
                ''', slot=k)
        f.member(library, '''
            int next_QQ_0(void), live_QQ_1(void);
            static int never_QQ(void) { return next_QQ_0(); }
            int (*unused_QQ)(void) = never_QQ;
            int x_XX_dead(void) { return live_QQ_1(); }
            int x_XX_live(void) { return next_QQ_0(); }''', slot='user')
        f.call(library, 'printf("LIB: dead %d\\n", x_XX_dead());', 'int x_XX_dead(void);')
        if f.chance(40):
            f.call(library, 'printf("LIB: live %d\\n", x_XX_live());', 'int x_XX_live(void);')


@feature(meets=True)
def commons(f):
    """One name in several members, libraries and the program, of different sizes; one may have contents."""
    libraries = f.some()
    places = [(library, k) for library in libraries for k in range(f.rng.randint(1, 2))]
    filled = f.rng.choice([*places, None, None, 'program', 'data in program'])
    sizes = [f.rng.randint(1, 40) for _ in places]
    largest = max(sizes)
    # mold 1.10 and Zig's linker take the first one's size and alignment, not the largest.
    if f.maker.linker in ('mold', 'zig'):
        sizes = [largest] * len(sizes)
    aligns = ['', ' __attribute__((aligned(64)))', ' __attribute__((aligned(16)))']
    aligns = [f.rng.choice(aligns)] if f.maker.linker in ('mold', 'zig') else aligns
    for (library, k), size in zip(places, sizes):
        align = f.rng.choice(aligns)
        if (library, k) == filled:
            size, value = largest, ' = {7, 8, 9}'
        else:
            value = ''
        f.member(library, f'''
            int common_TT[{size}]{align}{value};
            int fill_XX_{k}(int n) {{ int s = 0; for (int i = 0; i < {size}; i++) {{ s += common_TT[i]; common_TT[i] += n + i; }} return s; }}
            unsigned long place_XX_{k}(void) {{ return (unsigned long)(__SIZE_TYPE__)common_TT; }}
            int after_XX_{k} = KK;''', flags=['-fcommon'], slot=k)
    for library in libraries:
        mine = [k for place, k in places if place == library]
        f.member(library, '\n'.join(f'int fill_XX_{k}(int); unsigned long place_XX_{k}(void); extern int after_XX_{k};' for k in mine) + f'''
            int x_XX_fill(int n) {{ return {' + '.join(f'fill_XX_{k}(n) + after_XX_{k}' for k in mine)}; }}
            int x_XX_align(void) {{ return place_XX_0() % 16 == 0; }}
            const void *x_XX_place(void) {{ return (const void *)(__SIZE_TYPE__)place_XX_{mine[-1]}(); }}''', slot='user')
        f.call(library, 'printf("LIB: common %d %d\\n", x_XX_fill(1), x_XX_fill(5));', 'int x_XX_fill(int);')
        if filled in ('program', 'data in program'):
            f.call(library, 'printf("LIB: place %d %d\\n", x_XX_place() == mine_TT(), seen_TT());',
                   'const void *x_XX_place(void); const void *mine_TT(void); int seen_TT(void);')
    if filled in ('program', 'data in program'):
        size = f.rng.randint(1, 40) if filled == 'program' and f.maker.linker not in ('mold', 'zig') else largest
        f.program(f'''int common_TT[{size}]{' = {3, 4}' if filled != 'program' else ''};
            const void *mine_TT(void) {{ return common_TT; }} int seen_TT(void) {{ return common_TT[0]; }}''', flags=['-fcommon'])


@feature()
def member_commons(f):
    """Commons of several members of one library: the largest, the best aligned."""
    for library in f.some():
        count = f.rng.randint(2, 3)
        # mold 1.10 and Zig's linker take the first one's size and alignment, not the largest.
        aligns, sizes = ['', ' __attribute__((aligned(32)))'], [1, 3, 8, 20]
        sizes = [f.rng.choice(sizes)] if f.maker.linker in ('mold', 'zig') else sizes
        aligns = [f.rng.choice(aligns)] if f.maker.linker in ('mold', 'zig') else aligns
        for k in range(count):
            size = f.rng.choice(sizes)
            f.member(library, f'''
                short common_XX[{size}]{f.rng.choice(aligns)};
                char other_QQ_{k} = {k};
                int part_QQ_{k}(int n) {{ for (int i = 0; i < {size}; i++) common_XX[i] += n * i + 1; return common_XX[{size - 1}] + other_QQ_{k} + KK; }}
                ''', flags=['-fcommon'], slot=k)
        f.member(library, '\n'.join(f'int part_QQ_{k}(int); extern char other_QQ_{k};' for k in range(count)) + f'''
            extern short common_XX[];
            int x_XX_commons(int n) {{ int s = 0; {' '.join(f's = s * 3 + part_QQ_{k}(n) + other_QQ_{k};' for k in range(count))} return s + common_XX[0]; }}
            ''', slot='user')
        f.call(library, 'printf("LIB: commons %d %d\\n", x_XX_commons(1), x_XX_commons(3));', 'int x_XX_commons(int);')


@feature(shared=True)
def shared_state(f):
    """The same member in several libraries: as built the first one's serves all."""
    libraries = f.some(2)
    begin = '__attribute__((constructor)) static void begin_TT(void) { state_TT += 100; printf("~0 both/TT begin\\n"); }'
    f.same(libraries, f'''
        static int hidden_TT = 3;
        int state_TT = 10;
        {'static int zero_TT[5];' if f.chance(50) else 'int zero_TT[5] = {1, 2};'}
        {begin if f.chance(40) else ''}
        int next_TT(int n) {{ zero_TT[n % 5] += n; hidden_TT += n; return state_TT += hidden_TT + zero_TT[n % 5]; }}
        int (*pick_TT(int n))(int) {{ return n ? next_TT : 0; }}''')
    for library in libraries:
        f.member(library, '''
            int next_TT(int); extern int state_TT; int (*pick_TT(int))(int);
            int x_XX_next(int n) { return next_TT(n) + KK; }
            int x_XX_state(void) { return state_TT + (pick_TT(1) == next_TT); }''')
        f.call(library, 'printf("LIB: shared %d %d\\n", x_XX_next(1), x_XX_state());', 'int x_XX_next(int); int x_XX_state(void);')
        f.call(library, 'printf("LIB: shared %d\\n", x_XX_next(4));', 'int x_XX_next(int);')


@feature(meets=True)
def shared_constants(f):
    """The same members without state in several libraries: a chain of them, and tables."""
    libraries = f.some(2)
    depth = f.rng.randint(1, 3)
    for k in range(depth):
        f.same(libraries, f'''
            static const short table_TT_{k}[] = {{{', '.join(str(f.rng.randrange(200)) for _ in range(8))}}};
            int lower_TT_{k + 1}(int);
            static int inner_TT_{k}(int n) {{ return n * {k + 2} + table_TT_{k}[n & 7]; }}
            int lower_TT_{k}(int n) {{ return inner_TT_{k}(n) {f'+ lower_TT_{k + 1}(n + 1)' if k + 1 < depth else ''}; }}
            int spare_TT_{k}(int n) {{ return inner_TT_{k}(n) - 1; }}''')
    for library in libraries:
        f.member(library, f'int lower_TT_0(int); int spare_TT_{depth - 1}(int); int x_XX_deep(int n) {{ return lower_TT_0(n) + KK; }}'
                          f'int x_XX_spare(int n) {{ return spare_TT_{depth - 1}(n); }}')
        f.call(library, 'for (int i = 0; i < 9; i++) printf("LIB: deep %d\\n", x_XX_deep(i));', 'int x_XX_deep(int);')
        f.call(library, 'printf("LIB: spare %d\\n", x_XX_spare(3));', 'int x_XX_spare(int);')


@feature(meets=True)
def between(f):
    """One library's members need another's; the program gives a callback."""
    if len(f.libraries) < 2:
        return statics(f)
    first, second = f.libraries[0], f.libraries[1]
    f.member(second, 'int given_TT(int n) { return n + KK; } int data_TT[3] = {4, 5, KK}; int unseen_TT(void) { return 1; }')
    f.member(first, '''int given_TT(int); extern int data_TT[]; int asked_TT(int);
        int x_XX_ask(int n) { data_TT[0] += n; return given_TT(n) + data_TT[2] + asked_TT(n); }
        static int *volatile into_TT = data_TT + 1;
        int x_XX_into(void) { return (*into_TT)++; }''')
    f.member(second, '''extern int data_TT[]; int asked_TT(int);
        int x_XX_data(void) { return data_TT[0] * 10 + data_TT[1] + asked_TT(1); }''', slot=1)
    f.program('int asked_TT(int n) { return n * 1000; }')
    # Alone the first lacks the second's: it is never linked so.
    f.maker.needs_all = True
    f.call(first, 'printf("LIB: asks %d %d\\n", x_XX_ask(3), x_XX_into());', 'int x_XX_ask(int); int x_XX_into(void);')
    f.call(second, 'printf("LIB: data %d\\n", x_XX_data());', 'int x_XX_data(void);')


@feature()
def variables(f):
    """Data that points to data, of every kind: bss, arrays, structures, exports that the program changes."""
    for library in f.some():
        align = f.rng.choice(['', '__attribute__((aligned(256)))', '__attribute__((aligned(4096)))'])
        f.member(library, f'''
            struct node_QQ {{ int value; struct node_QQ *next; const char *name; }};
            extern struct node_QQ tail_QQ;
            {align} static char zeros_QQ[{f.rng.choice([1, 100, 5000])}];
            struct node_QQ head_QQ = {{1, &tail_QQ, "head"}};
            char *const end_QQ = zeros_QQ + sizeof zeros_QQ - 1;
            int x_XX_open = KK;
            int x_XX_list(void) {{ int s = 0; for (struct node_QQ *p = &head_QQ; p; p = p->next) s = s * 10 + p->value + p->name[0];
                return s + ++*end_QQ + x_XX_open; }}''')
        f.member(library, f'''
            struct node_QQ {{ int value; struct node_QQ *next; const char *name; }};
            static struct node_QQ middle_QQ = {{{f.rng.randrange(9)}, 0, "middle" + 3}};
            struct node_QQ tail_QQ = {{3, &middle_QQ, "tail"}};''', slot=1)
        f.call(library, 'x_XX_open += 5; printf("LIB: list %d %d\\n", x_XX_list(), x_XX_open);', 'int x_XX_list(void); extern int x_XX_open;')


@feature()
def jumps(f):
    """setjmp and longjmp between members."""
    for library in f.some():
        f.member(library, '''
            #include <setjmp.h>
            extern jmp_buf back_QQ;
            void leave_QQ(int n) { if (n > 2) longjmp(back_QQ, n + KK); }''')
        f.member(library, '''
            #include <setjmp.h>
            jmp_buf back_QQ;
            void leave_QQ(int);
            int x_XX_jump(int n) { volatile int m = n; int got = setjmp(back_QQ); if (got) return got + m; m = 50; leave_QQ(n); return -1; }''', slot=1)
        f.call(library, 'for (int i = 0; i < 5; i++) printf("LIB: jump %d\\n", x_XX_jump(i));', 'int x_XX_jump(int);')


FEATURES = listed(globals())
