"""A command on a terminal: what it writes there, control sequences and all."""

import os
import select
import subprocess


def on_terminal(command, *, env=None, stdout=None, cwd=None):
    """What it wrote to stderr, a terminal; to stdout too where that is not given elsewhere. It has to succeed."""
    ours, terminal = os.openpty()
    process = subprocess.Popen([str(word) for word in command], stdout=stdout or terminal, stderr=terminal, cwd=cwd,
                               env={**os.environ, 'TERM': 'xterm', 'COLUMNS': '100', **(env or {})})
    os.close(terminal)
    text = b''
    while True:
        select.select([ours], [], [], 60)
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    text = text.decode(errors='replace')
    assert process.wait() == 0, text
    return text
