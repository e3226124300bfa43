"""fetch_model: pretrained weights from their source, checked before and after conversion."""

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from unigs.pretrained.archives import take_member
from unigs.pretrained.catalogue import (
    VARIABLE,
    Model,
    Source,
    SourceFile,
    check_accepted,
    model,
    model_path,
)
from unigs.pretrained.convert import Tensors, convert, layout, state_dict
from unigs.pretrained.places import place_of, reach
from unigs.stage import cli
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError
from unigs.stage.files import save_tensors

log = logging.getLogger("unigs")


def fetch_model(name: str, out: Path | None = None, accept: tuple[str, ...] = ()) -> None:
    """Fetch pretrained weights, unless they are there.

    The official address is tried first, then the mirrors. What was downloaded before a transfer
    broke off is kept and gone on with. Downloads are compared with the checksums of the catalogue,
    read without running any code from them, and kept as one .safetensors file.

    Args:
        name: name of the weights in the catalogue.
        out: file to write; absent: the weights' place in the folder of models.
        accept: names of weights whose terms are accepted.

    Raises:
        UserError: the weights are not in the catalogue, have terms that nobody has accepted, or
            none of their sources can be reached.
    """
    chosen, out = model(name), out or model_path(name)
    if out.is_file():
        log.info("%s is there: %s", name, out)
        return
    check_accepted(chosen, accept)
    if not chosen.sources:
        raise UserError(f"{name} is not fetched: {chosen.put}.")
    reasons = []
    for source in chosen.sources:
        try:
            _from_source(chosen, source, out, {})
        except UserError as error:
            reasons.append(str(error).rstrip("."))
            continue
        return
    raise UserError(
        f"{name} cannot be fetched: {'; '.join(reasons)}. If you have one of these files: "
        f"unigs models add {name} FILE."
    )


def add_model(name: str, file: Path) -> None:
    """Take over weights that people have: a file of a source, or the same network's tensors.

    Args:
        name: name of the weights in the catalogue.
        file: an archive or file that the catalogue names, or a .safetensors, .pth or .ckpt file
            whose tensors have the names and shapes that the network needs.

    Raises:
        UserError: the weights are there already, or the file holds other ones.
    """
    chosen, out = model(name), model_path(name)
    if out.is_file():
        raise UserError(f"{out} is there already: delete it first if {file} is to replace it.")
    if not file.is_file():
        raise UserError(f"{file} does not exist: check the path of the weights.")
    found = checksum(file)
    for source in chosen.sources:
        known = {sum for part in source.files.values() for sum in (part.sha256, part.member_sha256)}
        if found in known:
            return _from_source(chosen, source, out, {found: file})
    if not chosen.layout:
        advice = f": {chosen.put}" if chosen.put else ", and nothing else tells that it is the one"
        raise UserError(f"{file} has sha256 {found}, which the catalogue does not know{advice}.")
    tensors = state_dict(file)
    _keep(chosen, tensors, out, f"a file of sha256 {found}", str(file))


def _from_source(chosen: Model, source: Source, out: Path, given: Mapping[str, Path]) -> None:
    """Make the file of weights from one source.

    Args:
        chosen: the weights.
        source: one of its sources.
        out: file to write.
        given: checksum -> file that need not be downloaded.

    Raises:
        UserError: a file cannot be had, or is not what it should be.
    """
    _make_folder(out.parent)
    with tempfile.TemporaryDirectory(prefix=f".{chosen.name}.", dir=out.parent) as folder:
        files = {
            part: _unpacked(file, Path(folder) / part, given, out.with_name(f".{chosen.name}"))
            for part, file in source.files.items()
        }
        try:
            tensors = convert(source.reader, files)
        except ValueError as error:
            raise UserError(f"{source.origin} cannot be read as {chosen.name}: {error}.") from None
        _keep(chosen, tensors, out, source.origin, source.origin)
    for leftover in out.parent.glob(f".{chosen.name}.*.part"):
        leftover.unlink()


def _make_folder(folder: Path) -> None:
    """Make the folder of the weights.

    Raises:
        UserError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK):
        raise UserError(f"{folder} is write-protected: set {VARIABLE} to another folder.")


def _unpacked(file: SourceFile, out: Path, given: Mapping[str, Path], stem: Path) -> Path:
    """A file of a source, from what is given or from the network.

    Args:
        file: what the catalogue says of it.
        out: where a member of an archive is written.
        given: checksum -> file that is there.
        stem: how the names of downloads begin.

    Raises:
        UserError: the file cannot be had, or is not what it should be.
    """
    if file.member_sha256 in given:
        return given[file.member_sha256]
    archive = given.get(file.sha256) or _downloaded(file, _partial(stem, file))
    if not file.member:
        return archive
    try:
        take_member(archive, file.member, file.member_size, file.member_sha256, out)
    except ValueError as error:
        raise UserError(f"{file.origin} is refused: {error}.") from None
    return out


def _partial(stem: Path, file: SourceFile) -> Path:
    """Where a download lies until the weights are made of it, so that it can be gone on with."""
    return stem.with_name(f"{stem.name}.{file.sha256[:12]}.part")


def _downloaded(file: SourceFile, path: Path) -> Path:
    """A download with the checksum of the catalogue, from the network as far as it is not there.

    Raises:
        UserError: it cannot be had, or is another file.
    """
    begun = path.exists()
    if begun and path.stat().st_size == file.size and checksum(path) == file.sha256:
        return path
    _transfer(file, path)
    found = checksum(path)
    if found == file.sha256:
        return path
    path.unlink()
    if begun:  # perhaps the beginning was of another file
        return _downloaded(file, path)
    raise UserError(f"{file.origin} has sha256 {found}, and not {file.sha256}: it is refused.")


def _transfer(file: SourceFile, path: Path) -> None:
    address, headers = place_of(file)
    if path.exists() and path.stat().st_size > file.size:
        path.unlink()
    label = f"{Path(address).name} (MB)"
    reach(address, path, resume=True, limit=file.size, headers=headers, label=label)


def _keep(chosen: Model, tensors: Tensors, out: Path, origin: str, what: str) -> None:
    """Write weights under their name, if they are what they should be.

    Args:
        chosen: the weights.
        tensors: their tensors.
        out: file to write.
        origin: where they come from, which the file keeps.
        what: what holds them, for the message.

    Raises:
        UserError: the tensors have other names, types or shapes.
    """
    if chosen.layout and layout(tensors) != chosen.layout:
        raise UserError(
            f"{what} holds tensors of other names, types or shapes than {chosen.name}: "
            "it is another model, or another version of it."
        )
    # One entry, as the order of several would change from run to run.
    about = {"model": chosen.name, "origin": origin, "license": chosen.license}
    save_tensors(out, tensors, {"unigs": json.dumps(about)})
    log.info("%s: %.1f MB from %s", out, out.stat().st_size / 1e6, origin)


if __name__ == "__main__":
    cli.run(fetch_model)
