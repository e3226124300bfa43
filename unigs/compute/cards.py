"""Which of a machine's GPUs a process computes on: one that no other run of UniGS has taken.

A card is taken by a lock on a file, which the system releases when the process ends, however it
ends. All else in the package then sees that card alone, as `cuda`.
"""

import contextlib
import fcntl
import logging
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger("unigs")

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Environment variable that names the cards which CUDA shows to a process."""
LOCKS = Path("/tmp")
"""Folder of the locks: the same for all processes of a machine, whatever TMPDIR says."""
PAUSE = 1.0
"""Seconds between two looks for a free card."""

_held: list[int] = []
"""Open files whose locks this process holds."""


def claim_card(count: int) -> None:
    """Take a free card, and leave it alone visible to CUDA; wait for one if all are taken.

    Where the environment already names a single card, as schedulers do, that card is used without
    a lock: whoever names it may share it. Must run before CUDA is initialized.

    Args:
        count: number of cards that CUDA would show.
    """
    named = os.environ.get(VISIBLE)
    cards = [str(k) for k in range(count)] if named is None else named.split(",")[:count]
    if not cards or (named is not None and len(cards) == 1):
        return
    # Schedulers number the cards of each of their jobs anew.
    scope = "" if named is None else os.environ.get("SLURM_JOB_ID", "")
    os.environ[VISIBLE] = cards[_wait_for_lock([_lock_file(scope, card) for card in cards])]
    log.info("GPU %s of %s", os.environ[VISIBLE], ",".join(cards))


def _lock_file(scope: str, card: str) -> Path:
    words = (word for word in ("unigs-gpu", scope, card) if word)
    return LOCKS / re.sub(r"[^\w-]", "_", "-".join(words))


def _wait_for_lock(files: Sequence[Path]) -> int:
    """Lock the first of these files that nobody holds. Returns its place."""
    waiting = False
    while True:
        for place, file in enumerate(files):
            if _lock(file):
                return place
        if not waiting:
            log.info(
                "all GPUs are taken by other runs of UniGS: waiting for one (%s=0 would share the "
                "first)",
                VISIBLE,
            )
            waiting = True
        time.sleep(PAUSE)


def _lock(file: Path) -> bool:
    """Lock a file until this process ends. Returns whether that was possible."""
    flags = os.O_RDONLY | os.O_NOFOLLOW
    try:
        handle = os.open(file, flags | os.O_CREAT, 0o644)
    except PermissionError:
        # Another user's file in a folder like /tmp may be opened, but not with O_CREAT.
        handle = os.open(file, flags)
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _held.append(handle)
        return True
    os.close(handle)
    return False
