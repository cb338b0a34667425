"""What marks a function as a feature of generated programs."""


ALL = ('host', 'aarch64', 'riscv64', 'mingw', 'macos', 'macos-x86_64')


def feature(*, formats=('elf', 'coff', 'macho'), language='c', not_in=(), only_on=ALL, meets=False, shared=False):
    """`meets`: names of several libraries, or of one and the program, become one; `shared`: libraries have a
    member in common that has state."""
    def mark(function):
        function.formats, function.language, function.not_in = formats, language, not_in
        function.only_on, function.meets, function.shared = only_on, meets, shared
        return function

    return mark


def listed(namespace):
    """All features of a module, by name."""
    return [value for _, value in sorted(namespace.items()) if hasattr(value, 'formats')]
