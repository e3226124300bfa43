"""A stage function becomes a command line: flags, logging, seeds, readable failures."""

import dataclasses
import inspect
import json
import logging
import os
import random
import sys
import time
import traceback
from collections.abc import Callable

import numpy as np
import tyro

from unigs.stage import interrupts
from unigs.stage.errors import UserError

log = logging.getLogger("unigs")


def run(stage: Callable[..., None], argv: list[str] | None = None) -> None:
    """Run one stage from the command line and exit.

    Every parameter of `stage` is a flag; a parameter that is a settings dataclass gives one
    flag per field. The exit code is 0 on success, 2 when the input is at fault (one sentence on
    stderr), 130 after Ctrl-C and 143 after SIGTERM (one line says how to go on), and 1 with a
    traceback when the program is at fault.

    Args:
        stage: function of paths and settings; its `Args:` block is the help of the flags.
        argv: words of the command line; None: those of this process.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagConversionOff)
    arguments = tyro.cli(
        tyro.conf.configure(*config)(_collect(stage)), args=argv, description=stage.__doc__
    )
    log.info("%s %s", stage.__name__, json.dumps(_plain(arguments), sort_keys=True))
    started = time.perf_counter()
    try:
        with interrupts.raised():
            stage(**arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except interrupts.Interrupted as stop:
        # Streams of frames that are still open end with their ffmpeg.
        traceback.clear_frames(stop.__traceback__)
        print(stop, file=sys.stderr)
        sys.exit(stop.code)
    log.info("%s done in %.1f s", stage.__name__, time.perf_counter() - started)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch (if torch is loaded)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _collect(stage: Callable[..., None]) -> Callable[..., dict]:
    """A function of the same signature that returns its arguments instead of running."""

    def collect(**arguments: object) -> dict:
        return arguments

    collect.__signature__ = inspect.signature(stage, eval_str=True)
    collect.__annotations__ = inspect.get_annotations(stage, eval_str=True)
    collect.__doc__ = stage.__doc__
    collect.__name__ = stage.__name__
    collect.__module__ = stage.__module__
    return collect


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, int | float | str | bool | None) else os.fspath(value)
