"""Builds a program with its libraries as built and with what the engine makes of them, and compares."""

import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .platforms import host

# Seconds that a program has. What does not end is told before, by what it does; this is for what hangs, and
# long enough that a busy machine is no reason.
PATIENCE = 60
# What link.py's loader ends with.
CANNOT_LOAD = 99
# What machorun ends with where it has no function of that name.
UNSHIMMED = 125


class Skip(Exception):
    """The program as built does not compile, link, load or end."""


class Different(Exception):
    """The engine's result is not what the program is as built."""


class Refused(Exception):
    """The engine says with a code that it cannot do it."""


@dataclass
class Outcome:
    # same, skipped, refused, different
    verdict: str
    detail: str = ''
    # Links of the engine's results that were run and compared.
    links: int = 0
    # Constructors that ran only in the engine's results of programs that call some of the exports.
    more: int = 0
    refused: list = field(default_factory=list)
    warnings: set = field(default_factory=set)


class Bench:
    """A program in a folder, where `commands.txt` has every command."""

    def __init__(self, program, platform, engine, folder):
        self.program, self.platform, self.engine = program, platform, engine
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cxx = any(s.language == 'cpp' for members in [*program.libraries.values(), program.main] for s in members)
        self.compiled = {}
        self.archives = {}
        self.warnings = set()
        self.links = self.more = 0
        self.plain = {}

    def run(self, command, *, timeout=600):
        """Its exit status and what it printed."""
        command = [str(part) for part in command]
        with open(self.folder / 'commands.txt', 'a', encoding='utf-8') as log:
            log.write(shlex.join(command) + '\n')
            log.flush()
            # Files and no pipes: wine's services go on after a program and would hold them.
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
                process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=errors, start_new_session=True)
                try:
                    process.wait(timeout=timeout)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    log.write(f'# not done after {timeout} s\n')
                    return 'endless', '', ''
                log.write(f'# exit status {process.returncode}\n')
                said = []
                for file in (out, errors):
                    file.seek(0)
                    said.append(file.read().decode(errors='replace'))
        return process.returncode, *said

    def compile(self, sources, defines=()):
        """Objects of the sources."""
        objects = []
        for source in sources:
            key = source, tuple(defines)
            if key not in self.compiled:
                (self.folder / source.file).write_text(source.text)
                out = Path(f'{source.name}{"-" + "-".join(d[-1] for d in defines) if defines else ""}.o')
                status, _, errors = self.run([*self.platform.compiler(source), *self.platform.flags_of(source), '-w', *source.flags,
                                              *defines, '-c', source.file, '-o', out])
                if status:
                    raise Skip(f'{source.file} does not compile: {errors[-600:]}')
                self.compiled[key] = out
            objects.append(self.compiled[key])
        return objects

    def archive(self, library):
        if library not in self.archives:
            out = Path(f'lib{library}.a')
            status, _, errors = self.run([*self.platform.archiver, out, *self.compile(self.program.libraries[library])])
            if status:
                raise Skip(errors)
            self.archives[library] = out
        return self.archives[library]

    def execute(self, name, libraries, subset, linker):
        """What the program with these libraries prints, and its exit status. None: does not link."""
        defines = [f'-DWITH_{library}' for library in subset]
        if self.program.mode == 'shared' and self.platform.format == 'elf':
            defines.append('-Dmain=entry')
        objects = self.compile(self.program.main, defines)
        link, start = self.platform.link(Path(name), objects, libraries, linker, self.program.mode, cxx=self.cxx)
        status, _, errors = self.run(link)
        if status:
            return None, errors
        start = [f'./{part}' if part == start[-1] and not Path(part).is_absolute() else part for part in start]
        status, out, _ = self.run(start, timeout=PATIENCE)
        (self.folder / f'{name}.out').write_text(f'{out}exit status {status}\n')
        return status, out

    def as_built(self, subset, linker):
        """What the program says with the libraries as they are."""
        key = subset, linker
        if key not in self.plain:
            archives = [self.archive(library) for library in subset]
            name = f'plain-{"".join(subset)}-{linker}'
            status, out = self.execute(name, archives, subset, linker)
            if status is None:
                raise Skip(f'does not link as built: {out[-600:]}')
            if status == 'endless':
                raise Skip('does not end as built')
            if self.program.mode == 'shared' and status == CANNOT_LOAD:
                # A shared library links though something is defined nowhere.
                raise Skip('cannot be loaded as built')
            if status < 0:
                # mold 1.10 makes static programs with indirect functions that crash.
                raise Skip(f'ends by signal {-status} as built')
            if self.platform.format == 'macho' and status == UNSHIMMED:
                # lld describes the unwinding of a function by that of an empty one at its address, and it aborts.
                raise Skip('calls as built what machorun lacks')
            self.plain[key] = status, out
        return self.plain[key]

    def combine(self, strategy, subset):
        """Libraries by name, the workspace library and linker arguments that the engine makes of these."""
        out = Path(f'{strategy}-{"".join(subset)}')
        exports = [part for pattern in self.program.exports for part in ('--exports', pattern)]
        command = [self.engine, strategy, '--json', '--out', out, '--workspace-lib', 'shared', '--threads', '1', *exports,
                   '--', *(self.archive(library) for library in subset)]
        status, text, errors = self.run(command)
        (self.folder / f'{out}.json').write_text(text)
        codes = re.findall(r'"code":\s*"([a-z-]+)"', text)
        if status:
            if status == 1 and codes and 'fault of dragonfire' not in text:
                raise Refused(f'{strategy}: {" ".join(sorted(set(codes)))}')
            raise Different(f'{strategy} fails with status {status}:\n{text[-2000:]}{errors[-2000:]}')
        response = json.loads(text)
        self.warnings |= set(codes)
        arguments = [a if a.startswith(('-Wl,', '/')) else f'-Wl,{a}' for a in response['link'].get('linker_args', [])]
        plugins = dict(zip(subset, (p['path'] for p in response['plugins']), strict=True))
        return plugins, response['workspace_library']['path'], arguments

    def check(self, strategy, linker):
        """Links all libraries that a strategy made, and the lone one, and compares."""
        program = self.program
        everything = tuple(program.libraries)
        plugins, shared, arguments = self.combine(strategy, everything)
        apart = program.clash or (program.shared and strategy == 'prelink')
        subsets = [everything]
        if len(everything) > 1 and program.alone:
            subsets.append((program.alone,))
        for subset in subsets:
            libraries = [*(plugins[library] for library in subset), shared, *arguments]
            name = f'{strategy}-{"".join(subset)}-{linker}'
            by_itself = apart and len(subset) > 1
            wanted = [((library,), library) for library in subset] if by_itself else [(subset, None)]
            before = [(self.as_built(key, linker), tag) for key, tag in wanted]
            status, out = self.execute(name, libraries, subset, linker)
            if status is None:
                raise Different(f'{name} does not link:\n{out[-2500:]}')
            self.links += 1
            for (wanted_status, wanted_out), tag in before:
                # Of one library first: what another says between two of its lines says nothing of their order.
                wanted_lines, lines = (tagged(text.splitlines(), tag) for text in (wanted_out, out))
                if not program.agreed or 'constructor-order' in self.warnings:
                    wanted_lines, lines = (normal(each, self.platform.format != 'macho') for each in (wanted_lines, lines))
                if program.partial:
                    lines = self.without_more(lines, wanted_lines)
                if (status, lines) != (wanted_status, wanted_lines):
                    raise Different(f'{name}{" as to " + tag if tag else ""}: exit status {wanted_status} as built, '
                                    f'{status} so\n{difference(wanted_lines, lines)}')

    def agree(self):
        """Do all linkers make the same of the libraries as built, the host's and the platform's?"""
        everything = tuple(self.program.libraries)
        benches = [self]
        if self.platform.name != 'host':
            at_home = Bench(self.program.on_host(), host(), self.engine, self.folder / 'host')
            benches.append(at_home)
        built = [bench.as_built(everything, linker) for bench in benches for linker in sorted(set(bench.platform.linkers))]
        said = {(status, *out.splitlines()) for status, out in built}
        if len(said) > 1:
            raise Skip('linkers disagree as built')

    def without_more(self, lines, wanted):
        """Without what constructors say that did not run as built; they are counted."""
        left = Counter(line for line in wanted if line.startswith('~'))
        kept = []
        for line in lines:
            if line.startswith('~'):
                if not left[line]:
                    self.more += 1
                    continue
                left[line] -= 1
            kept.append(line)
        return kept

    def examine(self, linkers, strategies):
        outcome = Outcome('same')
        try:
            if self.program.agreed:
                self.agree()
            for linker in linkers:
                if not self.program.clash:
                    self.as_built(tuple(self.program.libraries), linker)
                for strategy in strategies:
                    try:
                        self.check(strategy, linker)
                    except Refused as refused:
                        outcome.refused.append(str(refused))
        except Skip as skip:
            outcome.verdict, outcome.detail = 'skipped', str(skip)
        except Different as different:
            outcome.verdict, outcome.detail = 'different', str(different)
        outcome.links, outcome.more, outcome.warnings = self.links, self.more, self.warnings
        if outcome.verdict == 'same' and outcome.refused and not self.links:
            outcome.verdict = 'refused'
        return outcome


def normal(said, priorities=True):
    """Lines; what constructors of one priority say (`~priority member text`) is sorted by member, because
    linkers differ in the order of members. Some formats have no priorities beyond a member."""
    lines, run = [], []
    for line in [*said, '']:
        if line.startswith('~') and (not run or not priorities or run[0].split()[0] == line.split()[0]):
            run.append(line)
            continue
        lines += sorted(run, key=lambda each: each.split()[1])
        run = [line] if line.startswith('~') else []
        if not run:
            lines.append(line)
    return lines[:-1]


def tagged(lines, tag):
    """What one library says: `tag: ...` and `~priority tag/...`; all where no library is named."""
    return [line for line in lines if tag is None or re.match(rf'(~\d+ )?{tag}[:/]', line)]


def difference(before, after):
    found = [f'  as built {a!r}\n  so       {b!r}' for a, b in zip(before, after) if a != b]
    if len(before) != len(after):
        found.append(f'  {len(before)} lines as built, {len(after)} so')
        longer = before if len(before) > len(after) else after
        found += [f'  only {"as built" if longer is before else "so"}: {line!r}'
                  for line in longer[min(len(before), len(after)):][:4]]
    return '\n'.join(found[:8])
