"""Runs a command; a failure shows the command and what it printed."""

import os
import shlex
import subprocess


class Failed(AssertionError):
    """A command that should have succeeded."""

    def __init__(self, message, output):
        super().__init__(message)
        self.output = output


def run(command, *, env=None, cwd=None, timeout=1200, status=0, stdin=None):
    """Its standard output. `env` is added to this process's; `status` None accepts any."""
    command = [str(part) for part in command]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout, input=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace')
    if status is not None and done.returncode != status:
        output = (done.stdout + done.stderr)[-8000:]
        raise Failed(f'exit status {done.returncode} of {shlex.join(command)[-3000:]}\n{output}', output)
    return done.stdout
