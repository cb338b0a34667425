"""Runs the engine on libraries and gives what a program links."""

import json
from dataclasses import dataclass
from pathlib import Path

from .cargo import library_name
from .run import run

# Those that take members apart, and all.
ATOMIC = ['prelink', 'meld']
STRATEGIES = ['dedup', *ATOMIC]
# What can be done for Apple.
APPLE_STRATEGIES = ['dedup', 'prelink', 'meld']


@dataclass
class Combined:
    """What a strategy made."""
    strategy: str
    out: Path
    # Libraries of the plugins, by name, and the one they share.
    plugins: dict
    workspace: Path
    linker_args: list
    response: dict

    def libraries(self, names=None):
        """Libraries of these plugins (None: all), in the documented order."""
        return [*(self.plugins[name] for name in (self.plugins if names is None else names)), self.workspace]

    def link(self, names=None):
        """Linker inputs for these plugins: libraries, and what the linker must be told."""
        return [*self.libraries(names), *self.linker_args]


def request(engine, strategy, libraries, out, *, exports=(), manifest=None, workspace_library='gstrsworkspace',
            arguments=()):
    """Runs `dragonfire STRATEGY` over libraries into the folder `out`; gives its response, an error too."""
    command = [engine, strategy, '--json', '--out', out, '--workspace-lib', workspace_library, *arguments]
    if manifest:
        command += ['--manifest', manifest]
    for pattern in exports:
        command += ['--exports', pattern]
    # A flag with several values would take the libraries too.
    return json.loads(run([*command, '--', *libraries], status=None))


def combine(engine, strategy, libraries, out, **how):
    """What `dragonfire STRATEGY` makes of libraries in the folder `out`; `how` is `request`'s."""
    response = request(engine, strategy, libraries, out, **how)
    assert response['ok'], response
    return combined(strategy, response, out)


def combined(strategy, response, out):
    """What a response says that was made."""
    link = response['link']
    workspace = Path(response['workspace_library']['path'])
    plugins = {library_name(Path(p['path'])): Path(p['path']) for p in response['plugins']}
    assert [Path(p) for p in link['libraries']] == [*plugins.values(), workspace]
    # The compiler driver passes them on; a program wants them as the linker gets them.
    # Where there is no driver, as for Microsoft's linkers, they are the linker's as they are.
    linker_args = [a if a.startswith(('-Wl,', '/')) else f'-Wl,{a}' for a in link.get('linker_args', [])]
    return Combined(strategy, Path(out), plugins, workspace, linker_args, response)


@dataclass
class Plain:
    """The libraries as cargo made them, to compare with."""
    plugins: dict

    def link(self, names=None):
        return [self.plugins[name] for name in (self.plugins if names is None else names)]
