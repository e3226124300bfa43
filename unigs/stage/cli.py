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
import typing
from collections.abc import Callable
from types import UnionType
from typing import Annotated

import numpy as np
import tyro

from unigs.stage import interrupts
from unigs.stage.bounds import Bounds, fault, hints, limits
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
    arguments = {name: _plain_class(value) for name, value in arguments.items()}
    if wrong := _fault(stage, arguments):
        print(f"error: {wrong} (see --help).", file=sys.stderr)
        sys.exit(2)
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

    signature = inspect.signature(stage, eval_str=True)
    shown = {name: _shown(parameter) for name, parameter in signature.parameters.items()}
    collect.__signature__ = signature.replace(parameters=list(shown.values()))
    collect.__annotations__ = {name: parameter.annotation for name, parameter in shown.items()}
    collect.__doc__ = stage.__doc__
    collect.__name__ = stage.__name__
    collect.__module__ = stage.__module__
    return collect


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter as `_with_bounds` shows its type, its default of that type, too."""
    kind, usual = _with_bounds(_spelled_out(parameter.annotation)), parameter.default
    if dataclasses.is_dataclass(usual):
        usual = kind(**vars(usual))
    return parameter.replace(annotation=kind, default=usual)


def _with_bounds(kind: object) -> object:
    """A settings class as tyro shall read it, with bounds in --help; any other type as it is.

    It is a subclass, which finds the texts of the flags in the class's source.
    """
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return kind
    names = {int: "INT", float: "FLOAT"}
    marks = {
        name: limit.mark(names[typing.get_args(hint)[0]])
        for name, hint in hints(kind).items()
        for limit in limits(hint)
        if isinstance(limit, Bounds)
    }
    types = {
        name: Annotated[hints(kind)[name], tyro.conf.arg(metavar=mark)]
        for name, mark in marks.items()
    }
    for name, hint in hints(kind).items():
        if (spelled := _spelled_out(hint)) is not hint:
            types.setdefault(name, spelled)
    body = {field.name: field.default for field in dataclasses.fields(kind) if field.name in types}
    body["__annotations__"] = types
    body |= {"__doc__": kind.__doc__, "__module__": kind.__module__}
    return dataclasses.dataclass(frozen=True)(type(kind.__name__, (kind,), body))


def _spelled_out(hint: object) -> object:
    """`X | Y` as Union[X, Y]; any other type as it is.

    For the first kind alone tyro loads typeguard, and with it asyncio: 0.05 s of every process.
    """
    if isinstance(hint, UnionType):
        return typing.Union[typing.get_args(hint)]  # noqa: UP007
    return hint


def _plain_class(value: object) -> object:
    """Settings as an instance of the class that `_with_bounds` was given."""
    return type(value).__base__(**vars(value)) if dataclasses.is_dataclass(value) else value


def _fault(stage: Callable[..., None], arguments: dict) -> str | None:
    """The first value that its bounds or its type do not allow: NaN, say."""
    kinds = inspect.get_annotations(stage, eval_str=True)
    for name, value in arguments.items():
        kind, number = kinds[name], float in (kinds[name], *typing.get_args(kinds[name]))
        if not (number or dataclasses.is_dataclass(kind)):
            continue
        if wrong := fault(kind, value, name if number else ""):
            return wrong
    return None


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, int | float | str | bool | None) else os.fspath(value)
