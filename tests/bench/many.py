#!/usr/bin/env python3
"""Cost by numbers: one member with many retained sections, a library with many exports, many constructors and
many weak names. What a run takes for four times as many is shown beside it: about four times where the cost is
linear, sixteen where it is quadratic.

    tests/bench/many.py [--engine PROGRAM] [--strategy meld] [--small N] [--large N] [--limit SECONDS] [KIND...]

Exit status 1 where the ratio for one more byte grows twofold, or a run takes longer than the limit.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def retained(count):
    """Sections that are kept for themselves, each with a pointer to code."""
    yield '.text\n.globl a_reg\na_reg:\n ret\n'
    for i in range(count):
        yield f'.section .text.f{i},"ax",@progbits\nf{i}: ret\n.section .data.r{i},"awR",@progbits\n.quad f{i}\n'


def exports(count):
    """Functions, each an export in a section of its own; one in a hundred calls the next."""
    yield '.globl a_reg\n.text\na_reg: ret\n'
    for i in range(count):
        call = f' jmp a_f{i + 1}@PLT\n' if i % 100 == 0 and i + 1 < count else ' ret\n'
        yield f'.section .text.a_f{i},"ax",@progbits\n.globl a_f{i}\n.type a_f{i}, @function\na_f{i}:\n{call}'


def constructors(count):
    """Entries of .init_array, each in a section of its own."""
    yield '.text\n.globl a_reg\na_reg:\n ret\n'
    for i in range(count):
        yield (f'.section .text.c{i},"ax",@progbits\nc{i}: ret\n'
               f'.section .init_array.{i % 1000 + 100:05},"aw",@init_array\n.quad c{i}\n')


def registry(count):
    """Entries of a section with bounds, which one function walks."""
    yield '.text\n.globl a_reg\na_reg:\n lea __start_mine(%rip), %rax\n lea __stop_mine(%rip), %rcx\n ret\n'
    for i in range(count):
        yield f'.section .text.e{i},"ax",@progbits\ne{i}: ret\n.section mine,"aw?",@progbits\n.quad e{i}\n'


def weak(count):
    """Weak definitions and references that a program may meet."""
    for i in range(count):
        yield (f'.section .text.w{i},"ax",@progbits\n.weak w{i}\n.type w{i}, @function\nw{i}: ret\n'
               f'.weak u{i}\n.section .data.u{i},"aw",@progbits\n.quad u{i}\n.quad w{i}\np{i}:\n')
    yield '.text\n.globl a_reg\na_reg:\n'
    for i in range(count):
        yield f' lea p{i}(%rip), %rax\n'
    yield ' ret\n'


def groups(count):
    """COMDAT groups of a function and a pointer to the next one."""
    for i in range(count):
        yield (f'.section .text.g{i},"axG",@progbits,g{i},comdat\n.weak g{i}\n.type g{i}, @function\ng{i}: ret\n'
               f'.section .data.rel.ro.t{i},"awG",@progbits,g{i},comdat\n.weak t{i}\nt{i}: .quad g{(i + 1) % count}\n')
    yield '.text\n.globl a_reg\na_reg:\n'
    for i in range(count):
        yield f' mov t{i}@GOTPCREL(%rip), %rax\n'
    yield ' ret\n'


KINDS = {kind.__name__: kind for kind in (retained, exports, constructors, registry, weak, groups)}


def library(kind, count, folder):
    """A library with one member of this kind."""
    source = folder / f'{kind}-{count}.s'
    with open(source, 'w') as file:
        file.writelines(KINDS[kind](count))
        file.write('.section .note.GNU-stack,"",@progbits\n')
    subprocess.run(['gcc', '-c', source, '-o', source.with_suffix('.o')], check=True)
    path = folder / f'lib{kind}{count}.a'
    subprocess.run(['ar', 'rcs', path, source.with_suffix('.o')], check=True)
    return path


def measure(command, limit):
    """Seconds that a run takes; None where it was stopped."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    try:
        _, said = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode:
        sys.exit(said)
    return time.perf_counter() - start


def peak(command):
    """Peak memory of a run in MB, in a process of its own: the kernel counts children together."""
    code = ('import resource, subprocess, sys\n'
            'subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n'
            'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)')
    return int(subprocess.run([sys.executable, '-c', code, *map(str, command)], stdout=subprocess.PIPE,
                              check=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('kinds', nargs='*', metavar='KIND', help=', '.join(KINDS))
    parser.add_argument('--engine', type=Path, default=ROOT / 'target' / 'release' / 'dragonfire')
    parser.add_argument('--strategy', default='meld')
    parser.add_argument('--small', type=int, default=5000)
    parser.add_argument('--large', type=int, default=20000)
    parser.add_argument('--limit', type=float, default=60)
    arguments = parser.parse_args()
    bad = False
    print(f'{"kind":14}{arguments.small:>10}{arguments.large:>12}{"ratio":>8}{"MB":>8}')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in arguments.kinds or KINDS:
            times = []
            for count in (arguments.small, arguments.large):
                path = library(kind, count, folder)
                command = [arguments.engine, arguments.strategy, '--out', folder / 'out', '--exports', 'a_*', '--', path]
                times.append(measure(command, arguments.limit))
                if times[-1] is None:
                    break
            if None in times:
                print(f'{kind:14}' + ''.join(f'{"over " + str(arguments.limit) + " s" if t is None else f"{t:.2f} s":>10}'
                                             for t in times))
                bad = True
                continue
            ratio = times[1] / times[0]
            bad |= ratio > 2 * arguments.large / arguments.small
            print(f'{kind:14}{times[0]:>8.2f} s{times[1]:>10.2f} s{ratio:>8.1f}{peak(command):>8}')
    sys.exit(bad)


if __name__ == '__main__':
    main()
