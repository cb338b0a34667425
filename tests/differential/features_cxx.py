"""Features of C++."""

from .feature import feature, listed

STD17 = ['-std=c++17']


@feature(language='cpp', meets=True)
def inline_variables(f):
    """Inline variables, statics of inline functions and of templates: one in the whole program."""
    head = f'''
        inline int count_TT = 5;
        struct once_TT {{ int n; once_TT() : n(10) {{ printf("~0 any/TT once\\n"); }} ~once_TT() {{ printf("~0 any/TT gone %d\\n", n); }} }};
        inline int &local_TT() {{ static int n = 7; return n; }}
        inline once_TT &object_TT() {{ static once_TT o; return o; }}
        template <class T> struct box_TT {{ static int n; static T t; }};
        template <class T> int box_TT<T>::n = 3;
        template <class T> T box_TT<T>::t;
        inline thread_local int apart_TT = 20;
        {'inline once_TT early_TT;' if f.chance(40) else ''}
        '''
    libraries = f.some()
    for library in libraries:
        for k in range(f.rng.randint(1, 2)):
            f.member(library, head + f'''
                extern "C" int x_XX_count_{k}() {{ return ++count_TT * 10000 + local_TT()++ * 100 + box_TT<int>::n++; }}
                extern "C" int x_XX_once_{k}() {{ return object_TT().n++ + ++box_TT<long>::t + KK; }}
                extern "C" int x_XX_thread_{k}() {{ return apart_TT += 2; }}''', 'cpp', STD17, slot=k)
            f.call(library, f'printf("LIB: inline %d\\n", x_XX_count_{k}());', f'int x_XX_count_{k}(void);')
            f.call(library, f'printf("LIB: once %d\\n", x_XX_once_{k}());', f'int x_XX_once_{k}(void);')
            f.call(library, f'printf("LIB: thread %d\\n", x_XX_thread_{k}());', f'int x_XX_thread_{k}(void);')
    if f.chance(60):
        f.program(head + 'extern "C" int mine_TT() { return count_TT++ + local_TT()++ + box_TT<int>::n++ + object_TT().n++ + apart_TT++; }', 'cpp', STD17)
        f.call(libraries[0], 'printf("LIB: of program %d\\n", mine_TT());', 'int mine_TT(void);')


@feature(language='cpp')
def exceptions(f):
    """Thrown in one member, caught in another, by base and by value, with what is destroyed on the way."""
    for library in f.some():
        head = '''
            namespace QQ {
            struct base { int n; base(int n) : n(n) {} virtual ~base() {} virtual const char *what() const { return "base"; } };
            struct derived : base { derived(int n) : base(n * 2) {} const char *what() const override { return "derived"; } };
            struct guard { int n; ~guard() { printf("LIB: unwound %d\\n", n); } };
            void fail(int n);
            }'''
        f.member(library, head + '''
            void QQ::fail(int n) { guard g{n}; if (n == 1) throw base(KK); if (n == 2) throw derived(KK); if (n == 3) throw n; if (n == 4) throw "text"; }''',
                 'cpp')
        f.member(library, head + '''
            extern "C" int x_XX_try(int n) {
                QQ::guard g{n + 10};
                try { QQ::fail(n); } catch (const QQ::derived &e) { return e.n + 1; } catch (const QQ::base &e) { return e.n + e.what()[0]; }
                catch (int i) { return i; } catch (...) { return -1; }
                return 0; }''', 'cpp', slot=1)
        f.call(library, 'for (int i = 0; i < 5; i++) printf("LIB: try %d\\n", x_XX_try(i));', 'int x_XX_try(int);')


@feature(language='cpp', meets=True)
def thrown_across(f):
    """Thrown in one library through another and the program."""
    head = 'struct error_TT { int n; virtual ~error_TT() {} }; struct worse_TT : error_TT { };\n'
    libraries = f.some()
    for library in libraries:
        f.member(library, head + '''
            extern "C" void x_XX_throw(int n) { if (n == 1) { error_TT e; e.n = KK; throw e; } if (n == 2) { worse_TT w; w.n = KK + 1; throw w; } if (n == 3) throw 3.5; }
            extern "C" int x_XX_catch(void (*f)(int), int n) { try { f(n); } catch (worse_TT &w) { return w.n * 2; } catch (error_TT &e) { return e.n; } catch (double d) { return (int)(d * 10); } return 0; }''', 'cpp')
    f.program(head + '''
        extern "C" int run_TT(void (*f)(int), int (*c)(void (*)(int), int), int n) {
            int got = c(f, n);
            try { f(n); } catch (error_TT &e) { return e.n * 3 + got; } catch (...) { return got; }
            return -got; }''', 'cpp')
    thrower, catcher = f.rng.choice(libraries), f.rng.choice(libraries)
    if thrower != catcher:
        f.maker.needs_all = True
    text = (f.fill('void x_XX_throw(int);', thrower) + f.fill('int x_XX_catch(void (*)(int), int);', catcher)
            + 'int run_TT(void (*)(int), int (*)(void (*)(int), int), int);')
    f.call(thrower, f'for (int i = 0; i < 4; i++) printf("LIB: across %d\\n", run_TT(x_XX_throw, {f.fill("x_XX_catch", catcher)}, i));', text)


@feature(language='cpp')
def classes(f):
    """Virtual bases, dynamic_cast, type names, pointers to members; in one library's members."""
    for library in f.some():
        head = '''
            #include <typeinfo>
            namespace QQ {
            struct top { int t = 1; virtual int kind() const { return t; } virtual ~top() {} };
            struct left : virtual top { int l = 2; int kind() const override { return l + t; } };
            struct right : virtual top { int r = 3; virtual int more() { return r; } };
            struct bottom : left, right { int b = 4; int kind() const override { return b * 100 + left::kind(); } int more() override { return b + r; } };
            template <class T> struct holder { T value; virtual T get() { return value; } virtual ~holder() {} };
            top *make(int n); extern int (top::*const ask)() const; int tag();
            }'''
        f.member(library, head + '''
            QQ::top *QQ::make(int n) { static top t; static left l; static right r; static bottom b; return n == 0 ? &t : n == 1 ? (top *)&l : n == 2 ? (top *)&r : &b; }
            int (QQ::top::*const QQ::ask)() const = &QQ::top::kind;
            int QQ::tag() { holder<long> h; h.value = KK; holder<long> *volatile p = &h; return (int)p->get(); }''', 'cpp')
        f.member(library, head + '''
            extern "C" int x_XX_cast(int n) {
                QQ::top *p = QQ::make(n); QQ::right *r = dynamic_cast<QQ::right *>(p); QQ::bottom *b = dynamic_cast<QQ::bottom *>(p);
                QQ::holder<long> h; h.value = 1;
                return p->kind() + (r ? r->more() * 1000 : 0) + (b ? b->b * 100000 : 0) + (p->*QQ::ask)() + (typeid(*p) == typeid(QQ::bottom)) + (int)h.get(); }
            extern "C" const char *x_XX_name(int n) { return typeid(*QQ::make(n)).name(); }
            extern "C" int x_XX_tag() { return QQ::tag(); }''', 'cpp', slot=1)
        f.call(library, 'for (int i = 0; i < 4; i++) printf("LIB: class %d %s\\n", x_XX_cast(i), x_XX_name(i));', 'int x_XX_cast(int); const char *x_XX_name(int);')
        f.call(library, 'printf("LIB: tag %d\\n", x_XX_tag());', 'int x_XX_tag(void);')


@feature(language='cpp', meets=True)
def casts_across(f):
    """An object of one library, asked by the program and another for its class."""
    head = '''
        #include <typeinfo>
        struct shape_TT { int n = 1; virtual ~shape_TT() {} virtual int area() { return n; } };
        struct square_TT : virtual shape_TT { int area() override { return n * n; } };
        struct named_TT { virtual const char *name() { return "named"; } virtual ~named_TT() {} };
        struct both_TT : square_TT, named_TT { int area() override { return 77; } };
        '''
    libraries = f.some()
    for library in libraries:
        f.member(library, head + '''
            extern "C" void *x_XX_make(int n) { shape_TT *s = n == 0 ? new shape_TT : n == 1 ? (shape_TT *)new square_TT : new both_TT; s->n = KK; return s; }
            extern "C" int x_XX_ask(void *p) { shape_TT *s = (shape_TT *)p; named_TT *m = dynamic_cast<named_TT *>(s); return s->area() + (m ? m->name()[0] * 1000 : 0) + (typeid(*s) == typeid(both_TT)); }''', 'cpp')
    if f.chance(70):
        f.program(head + 'extern "C" int ask_TT(void *p) { shape_TT *s = (shape_TT *)p; square_TT *q = dynamic_cast<square_TT *>(s); return (q ? q->area() : -1) + 7 * (typeid(*s) == typeid(shape_TT)); }', 'cpp')
        for library in libraries:
            f.call(library, 'for (int i = 0; i < 3; i++) printf("LIB: program asks %d\\n", ask_TT(x_XX_make(i)));', 'void *x_XX_make(int); int ask_TT(void *);')
    for library in libraries:
        f.call(library, 'for (int i = 0; i < 3; i++) printf("LIB: asks %d\\n", x_XX_ask(x_XX_make(i)));', 'void *x_XX_make(int); int x_XX_ask(void *);')


@feature(language='cpp')
def comdat_addresses(f):
    """Inline and template functions of several members of one library: one address."""
    for library in f.some():
        head = '''
            inline int small_XX(int n) { return n + KK; }
            template <int N> int templ_XX(int n) { static int calls; return n * N + ++calls; }
            typedef int (*pointer_XX)(int);
            '''
        for k in range(2):
            f.member(library, head + f'''
                pointer_XX small_of_XX_{k}() {{ return small_XX; }}
                pointer_XX templ_of_XX_{k}(int n) {{ return n ? templ_XX<2> : templ_XX<{k + 3}>; }}''', 'cpp', slot=k)
        f.member(library, head + '''
            pointer_XX small_of_XX_0(), small_of_XX_1(), templ_of_XX_0(int), templ_of_XX_1(int);
            extern "C" int x_XX_same() { return (small_of_XX_0() == small_of_XX_1()) + 2 * (templ_of_XX_0(1) == templ_of_XX_1(1)) + 4 * (templ_of_XX_0(0) == templ_of_XX_1(0)) + 8 * (small_of_XX_1() == small_XX); }
            extern "C" int x_XX_both(int n) { return small_of_XX_0()(n) + templ_of_XX_0(n)(n) * 10 + templ_of_XX_1(n)(n) * 1000; }''', 'cpp', slot=2)
        f.call(library, 'printf("LIB: comdat %d\\n", x_XX_same());', 'int x_XX_same(void);')
        f.call(library, 'printf("LIB: comdat %d %d\\n", x_XX_both(0), x_XX_both(1));', 'int x_XX_both(int);')


@feature(language='cpp')
def objects(f):
    """Objects of every storage with constructors and destructors."""
    for library in f.some():
        priority = f.rng.choice(['', '', '__attribute__((init_priority(300)))', '__attribute__((init_priority(2000)))'])
        if f.maker.platform.format == 'macho':
            priority = ''
        number = 300 if '(300)' in priority else 2000 if priority else 0
        f.member(library, f'''
            namespace QQ {{
            struct loud {{ int n; loud(int n) : n(n) {{ printf("~{number} LIB/QQ made %d\\n", n); }} ~loud() {{ printf("~{number} LIB/QQ unmade %d\\n", n); }} }};
            loud global {priority} (KK);
            struct quiet {{ int n; quiet(int n) : n(n) {{}} ~quiet() {{}} }};
            static quiet inside(5);
            }}
            extern "C" int x_XX_object() {{ static QQ::quiet late(QQ::global.n + 1); return late.n++ + QQ::inside.n++; }}''', 'cpp')
        f.call(library, 'printf("LIB: object %d %d\\n", x_XX_object(), x_XX_object());', 'int x_XX_object(void);')


@feature(language='cpp', only_on=('host',))
def library_types(f):
    """Containers and streams of the standard library."""
    for library in f.some():
        f.member(library, '''
            #include <map>
            #include <string>
            #include <vector>
            #include <stdexcept>
            #include <algorithm>
            std::map<std::string, int> &words_QQ() { static std::map<std::string, int> m; return m; }
            void add_QQ(const std::string &s) { if (s.empty()) throw std::invalid_argument("LIB nothing KK"); words_QQ()[s]++; }''', 'cpp')
        f.member(library, '''
            #include <map>
            #include <string>
            #include <vector>
            #include <stdexcept>
            #include <algorithm>
            std::map<std::string, int> &words_QQ(); void add_QQ(const std::string &);
            extern "C" void x_XX_words(int n) {
                std::vector<std::string> v{"one", "two", "one", std::string(n, 'x'), std::to_string(KK)};
                std::sort(v.begin(), v.end());
                try { for (auto &s : v) add_QQ(s); } catch (const std::exception &e) { printf("LIB: caught %s\\n", e.what()); }
                for (auto &[w, c] : words_QQ()) printf("LIB: word %s %d\\n", w.c_str(), c); }''', 'cpp', STD17, slot=1)
        f.call(library, 'x_XX_words(3); x_XX_words(0);', 'void x_XX_words(int);')


FEATURES = listed(globals())
