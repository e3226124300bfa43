"""`unigs export grids` and `unigs export with-grids`: a portrait's tri-planes, out and in."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from unigs.stage.errors import UserError

log = logging.getLogger("unigs")

LAYOUTS = ("tcnn", "torch-ngp")
"""Layouts that a portrait's tri-planes are written in."""


def add_grids(formats: argparse._SubParsersAction) -> None:
    """Describe `grids` and `with-grids` among the formats of `unigs export`."""
    about = (
        "Write the tri-planes of a portrait as tiny-cuda-nn's flat params or torch-ngp's "
        "embeddings and offsets, to the bit, with the arguments that build the encodings."
    )
    parser = formats.add_parser("grids", help="tri-planes for other systems", description=about)
    parser.add_argument("portrait", metavar="PORTRAIT", type=Path, help="portrait.safetensors")
    parser.add_argument("out", metavar="OUT", type=Path, help="file to write (.safetensors)")
    parser.add_argument("--layout", choices=LAYOUTS, default=LAYOUTS[0], help="whose (tcnn)")
    parser.set_defaults(run=lambda w: export_grids(w.portrait, w.out, w.layout))

    about = (
        "Write a copy of a portrait whose tri-planes hold what a file of `unigs export grids` "
        "holds, perhaps after another system has trained them."
    )
    parser = formats.add_parser("with-grids", help="a portrait with such planes", description=about)
    parser.add_argument("portrait", metavar="PORTRAIT", type=Path, help="portrait.safetensors")
    parser.add_argument("grids", metavar="GRIDS", type=Path, help=".safetensors, or .pth")
    parser.add_argument("out", metavar="OUT", type=Path, help="portrait to write (.safetensors)")
    parser.set_defaults(run=lambda w: take_grids(w.portrait, w.grids, w.out))


def export_grids(portrait: Path, out: Path, layout: str) -> None:
    """Write the tri-planes of a portrait.

    Args:
        portrait: the portrait (.safetensors).
        out: file to write (.safetensors): for the k-th of the portrait's tri-planes the arrays of
            `unigs.exchange.grids.planes` under `{k}.`; the metadata `unigs` is JSON with the layout
            and, for each tri-plane, its box and the arguments of the encodings.
        layout: a name of `LAYOUTS`.

    Raises:
        UserError: the portrait cannot be read, or has no tri-planes.
    """
    from unigs.exchange.grids.planes import planes_to_tcnn, planes_to_torch_ngp
    from unigs.model.storage import load_portrait
    from unigs.stage.files import save_tensors

    give = planes_to_tcnn if layout == "tcnn" else planes_to_torch_ngp
    state, about = {}, []
    for number, plane in enumerate(_planes(load_portrait(portrait), portrait)):
        arrays, told = give(plane.tables.detach().numpy(), plane.levels)
        state |= {f"{number}.{name}": values for name, values in arrays.items()}
        box = {"low": plane.low.tolist(), "high": plane.high.tolist(), "fade": plane.fade}
        about.append(box | told)
    text = json.dumps({"layout": layout, "planes": about})
    save_tensors(out, state, {"unigs": text})
    log.info("%s: %d tri-planes in the layout of %s", out, len(about), layout)


def take_grids(portrait: Path, grids: Path, out: Path) -> None:
    """Write a copy of a portrait with other tri-planes.

    Args:
        portrait: the portrait (.safetensors).
        grids: arrays under the names of `export_grids`, in either layout (.safetensors, .pth).
        out: portrait to write (.safetensors).

    Raises:
        UserError: a file cannot be read, or the grids are of other planes.
    """
    import torch

    from unigs.exchange.grids.planes import planes_from_tcnn, planes_from_torch_ngp
    from unigs.model.storage import load_portrait, save_portrait
    from unigs.pretrained.weights import read_weights

    whole = load_portrait(portrait)
    state = {name: values.numpy() for name, values in read_weights(grids).items()}
    for number, plane in enumerate(_planes(whole, portrait)):
        own = {
            name.removeprefix(f"{number}."): values
            for name, values in state.items()
            if name.startswith(f"{number}.")
        }
        take = planes_from_tcnn if "params" in own else planes_from_torch_ngp
        try:
            tables = take(own, plane.levels, plane.tables.shape[2])
        except UserError as error:
            raise UserError(f"{grids}, tri-plane {number}: {error}") from None
        plane.tables.data = torch.from_numpy(tables).to(plane.tables.dtype)
    save_portrait(whole, out)
    log.info("%s: the planes of %s", out, grids)


def _planes(portrait: object, path: Path) -> list:
    """The tri-planes of a portrait.

    Raises:
        UserError: it has none.
    """
    if portrait.motion is None:
        raise UserError(f"{path} is a static portrait, without tri-planes: give dynamic/.")
    return list(portrait.motion.planes)
