"""The command `unigs models`: which pretrained weights there are, and how they get here."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from unigs.pretrained.catalogue import Model, find_model, model_path, models
from unigs.pretrained.places import UNREACHED
from unigs.stage.errors import UserError


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs models`.

    Args:
        parser: parser of what stands behind `unigs models`.
    """
    parser.set_defaults(run=lambda _: list_models())
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    listing = actions.add_parser("list", help="list them (what `unigs models` does by itself)")
    listing.set_defaults(run=lambda _: list_models())

    about = "Fetch pretrained weights, check them, and keep each as one .safetensors file."
    fetch = actions.add_parser(
        "fetch", help="fetch some, the default ones unless named", description=about
    )
    fetch.add_argument("names", nargs="*", metavar="NAME", help="names of the list")
    fetch.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="NAME",
        help="accept the terms of these weights, which the list tells",
    )
    fetch.add_argument(
        "--try",
        action="store_true",
        dest="tries",
        help="say what could not be fetched in one sentence, and succeed all the same",
    )
    fetch.set_defaults(run=lambda words: fetch_models(words.names, words.accept, words.tries))

    about = "Take over weights that you have: a file of a source, or the same tensors."
    add = actions.add_parser("add", help="take over a file that you have", description=about)
    add.add_argument("name", metavar="NAME", help="name of the list")
    add.add_argument("file", metavar="FILE", type=Path, help="the file")
    add.set_defaults(run=lambda words: _add(words.name, words.file))
    _configure_convert(actions)


def _configure_convert(actions: argparse._SubParsersAction) -> None:
    """Describe the command line of `unigs models convert`."""
    about = (
        "Convert a 3D morphable model of faces for the pose back-end pca: eos and the Surrey Face "
        "Model (.bin), BFM 2009 (.mat), BFM 2017 and 2019 (.h5), FLAME (.pkl, .npz). No code of "
        "the files runs."
    )
    convert = actions.add_parser("convert", help="convert a 3D morphable model", description=about)
    convert.add_argument("model", metavar="MODEL", type=Path, help="the model's file")
    convert.add_argument("out", metavar="OUT", type=Path, help="file to write (.npz)")
    convert.add_argument(
        "--landmarks", type=Path, required=True, metavar="FILE",
        help="where the model has iBUG's landmarks: eos's ibug_to_*.txt, or FLAME's "
        "flame_static_embedding.pkl",
    )  # fmt: skip
    convert.add_argument(
        "--contours", type=Path, metavar="FILE",
        help="where the model has its jaw: eos's *_contours.json, or FLAME's "
        "flame_dynamic_embedding.npy; without it the jaw's landmarks are not used",
    )  # fmt: skip
    convert.add_argument(
        "--expressions", type=Path, nargs="+", default=[], metavar="FILE",
        help="expressions that lie in files of their own: eos's blendshapes (.bin); of BFM 2009 "
        "Exp_Pca.bin, its deviations (.txt) and vertex numbers (BFM_exp_idx.mat)",
    )  # fmt: skip
    convert.set_defaults(run=_convert)


def list_models() -> None:
    """Print all pretrained weights: whether they are there, what they are for, their license."""
    for chosen in models().values():
        print("\n".join(_lines(chosen)))


def fetch_models(names: Sequence[str], accept: Sequence[str] = (), tries: bool = False) -> None:
    """Fetch pretrained weights, as many as can be had.

    Args:
        names: names in the catalogue; none: those that are fetched by default.
        accept: names of weights whose terms are accepted.
        tries: say what could not be fetched, and succeed all the same.

    Raises:
        UserError: some could not be fetched.
    """
    # Not for the list, which needs no NumPy.
    from unigs.pretrained.fetch import fetch_model

    failures = {}
    for name in names or [name for name, chosen in models().items() if chosen.default]:
        try:
            fetch_model(name, accept=tuple(accept))
        except UserError as error:
            failures[name] = str(error)
    if failures and not tries:
        raise UserError("\n".join(failures.values()))
    if failures:
        print(_shortly(failures))


def _shortly(failures: dict[str, str]) -> str:
    """What could not be fetched and what that costs, in one sentence."""
    costs = "; ".join(models()[name].without for name in failures if name in models())
    (reason, *_) = failures.values()
    if UNREACHED:
        reason = f"{', '.join(sorted(UNREACHED))} cannot be reached"
    return (
        f"Not fetched: {', '.join(failures)} ({reason.rstrip('.')}), so {costs}: "
        "`unigs models fetch` tries again."
    )


def _add(name: str, file: Path) -> None:
    from unigs.pretrained.fetch import add_model

    add_model(name, file)


def _convert(words: argparse.Namespace) -> None:
    from unigs.pretrained.face_models.convert import convert_face_model

    found = convert_face_model(
        words.model, words.out, words.landmarks, words.contours, words.expressions
    )
    print(
        f"{words.out}: {len(found.mean)} vertices, {found.shape.shape[1]} directions of identity, "
        f"{found.expression.shape[1]} of expression. To use it, set pose.backend to pca and "
        f"pose.model to {words.out}."
    )


def _lines(chosen: Model) -> list[str]:
    """The weights' entry in the list."""
    there = find_model(chosen.name)
    size = f", {chosen.size / 1e6:.1f} MB" if chosen.size else ""
    lines = [f"{chosen.name} ({'there' if there else 'not there'}{size})", chosen.purpose]
    lines.append(f"License: {chosen.license}{f'; {chosen.terms}' if chosen.terms else ''}.")
    if there:
        lines.append(f"File: {there}")
    else:
        lines.append(f"Without it, {chosen.without}.")
        lines.append(_advice(chosen))
    return [lines[0], *(f"    {line}" for line in lines[1:])]


def _advice(chosen: Model) -> str:
    """How weights that are not there get here."""
    if chosen.put:
        return f"To use it, {chosen.put}."
    accept = f" --accept {chosen.name}" if chosen.terms else ""
    own = f"a file that you have: unigs models add {chosen.name} FILE, to {model_path(chosen.name)}"
    return f"To get it: unigs models fetch {chosen.name}{accept}; {own}"
