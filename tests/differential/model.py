"""What a generated program is: sources of its libraries' members and of itself, and how it is linked."""

from dataclasses import dataclass, field, replace


class TooLong(Exception):
    """A seed's program does not end, or not soon."""


@dataclass(frozen=True)
class Source:
    """One object file. The same source in two libraries is the same member."""
    name: str
    text: str
    language: str = 'c'
    flags: tuple = ()
    # `gcc` or `clang`; platforms that have only one take that.
    compiler: str = 'gcc'

    @property
    def file(self):
        return f'{self.name}.{self.language}'


@dataclass
class Program:
    kind: str
    seed: int
    # Members by library, in the order of the archive; libraries in the order of the link line.
    libraries: dict
    # The program's own sources. `-DWITH_<library>` says which libraries are linked.
    main: list
    exports: list
    linker: str
    mode: str
    strategies: list
    # Linked without the others, too: one library.
    alone: str = None
    # Libraries share state through members that are the same: `prelink` keeps them apart, so there what a
    # library says is compared with what it says alone.
    shared: bool = False
    # Libraries define the same strong names differently: linking them as built gives all of them the
    # first library's. What each says is compared with what it says alone.
    clash: bool = False
    # It calls some of the exports. The engine takes a library's exports together, so constructors run that the
    # other exports pull, too.
    partial: bool = False
    # Names of the pieces it was made of, which the reducer leaves out one by one.
    parts: list = field(default_factory=list)
    # Only what all linkers do alike is compared, and constructors' order with it.
    agreed: bool = False

    def on_host(self):
        """The same, as this machine's linkers take it."""
        def native(sources):
            return [replace(source, flags=(*source.flags, '-fPIC')) for source in sources]

        return replace(self, libraries={name: native(members) for name, members in self.libraries.items()},
                       main=native(self.main), mode='pie')

    def __str__(self):
        return f'{self.kind} {self.seed}'
