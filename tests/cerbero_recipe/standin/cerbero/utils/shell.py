"""Running commands."""

import asyncio

DRY_RUN = False
CPU_BOUND_SEMAPHORE = asyncio.Semaphore(2)


async def async_call(cmd, cmd_dir='.', logfile=None, env=None):
    process = await asyncio.create_subprocess_exec(
        *map(str, cmd), cwd=cmd_dir, env=env, stdout=logfile, stderr=asyncio.subprocess.STDOUT
    )
    if await process.wait() != 0:
        raise RuntimeError(f'{cmd} gave {process.returncode}')
