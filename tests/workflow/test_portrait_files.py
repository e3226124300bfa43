"""Where the files of a portrait lie, by the variants of the configuration."""

from pathlib import Path

import pytest

from tests.support.workflow import rules
from unigs.stage.errors import UserError
from unigs.workflow.portrait_files import find_portrait, portrait_files

ZOE = Path("results/zoe")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()


def configure(text: str | bytes) -> None:
    path = Path("config/config.yaml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    "variant, static, dynamic",
    [
        ("unigs_plus", "unigs_plus", "unigs_plus"),
        ("plus_no_lips", "unigs_plus", "plus_no_lips"),  # other dynamic settings alone
        ("separate_plus_pasted", "separate_plus", "separate_plus"),  # judged otherwise alone
        ("unknown", "unknown", "unknown"),
    ],
)
def test_a_portrait_lies_with_the_variant_that_trains_it(variant, static, dynamic):
    files = portrait_files(ZOE, variant)
    assert files.portrait == ZOE / dynamic / "dynamic/portrait.safetensors"
    assert files.static_portrait == ZOE / static / "static/portrait.safetensors"
    assert files.pose == ZOE / static / "static/pose.npz"
    assert files.body == ZOE / static / "static/motion.npz"


def test_the_configuration_of_the_folder_lies_over_that_of_the_package():
    configure("variants: {mine: {base: plus_no_lips, evaluate: {pasted: true}}}\n")
    files = portrait_files(ZOE, "mine")
    assert files.portrait == ZOE / "plus_no_lips/dynamic/portrait.safetensors"
    assert files.pose == ZOE / "unigs_plus/static/pose.npz"


def test_the_portrait_of_a_variant_that_is_only_judged_otherwise_is_found():
    with pytest.raises(UserError, match="separate_plus/dynamic/portrait.safetensors: make it"):
        find_portrait("zoe", "separate_plus_pasted")
    made = ZOE / "separate_plus/dynamic/portrait.safetensors"
    made.parent.mkdir(parents=True)
    made.touch()
    assert find_portrait("zoe", "separate_plus_pasted").portrait == made
    with pytest.raises(UserError, match="the variants there are: separate_plus"):
        find_portrait("zoe", "unigs")


@pytest.mark.parametrize(
    "text", ["a: [1", "- a", "variants:", b"\xe4: 1", "variants: {unigs_plus: }"]
)
def test_a_faulty_configuration_is_one_sentence(text):
    configure(text)
    with pytest.raises(UserError, match="config/config.yaml"):
        portrait_files(ZOE, "unigs_plus")


def test_rules_take_finished_portraits_from_the_variant_that_trains_them():
    """A path of the job's own variant would train one that is only judged otherwise."""
    own = "results/{subject}/{variant}/dynamic/portrait.safetensors"
    assert [name for name, text in rules() if own in text] == ["train_dynamic"]
