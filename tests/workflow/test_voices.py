"""What the section `voices` of a configuration asks for, and what it may not."""

import pytest

from unigs.settings.subject import Subject
from unigs.stage.errors import UserError
from unigs.workflow.voices import LIPS, read_voices

SUBJECTS = {
    "ann": Subject("ann", "longhair", video="a.mp4"),
    "bea": Subject("bea", "synthetic", video="synthetic"),
}
CHAINS = {"unigs": ["unigs"], "plus": ["plus", "unigs"], "pool": ["pool", "plus", "unigs"]}
VARIANTS = {
    "unigs": {},
    "plus": {"base": "unigs", "dynamic": {"lip_code": 2}},
    "pool": {"base": "plus", "dynamic": {"lip_prior": "pooled"}},
}


def voices(subjects=SUBJECTS, spoken=("words", "audio"), **section):
    section = {"variant": "plus"} | section
    return read_voices({"variants": VARIANTS, "voices": section}, subjects, spoken, CHAINS)


def test_lips_of_all_pairs_are_compared_where_there_are_pairs():
    assert voices().lips() == [LIPS] and voices().is_made()
    alone = voices({"ann": SUBJECTS["ann"]})
    assert alone.lips() == [] and not alone.is_made()
    nobody = read_voices({"variants": VARIANTS}, {"ann": SUBJECTS["ann"]}, (), CHAINS)
    assert not nobody.is_made()


def test_named_pairs_are_rendered():
    chosen = voices(rendered=["bea/ann"])
    assert chosen.pairs(".mp4") == ["results/bea/plus/voices/ann.mp4"]
    assert voices(rendered="all").rendered == (("ann", "bea"), ("bea", "ann"))


def test_the_synthetic_speaker_has_phones_of_its_own():
    made = voices(phones={"audio": "synthetic", "words": "far/words.txt"})
    assert made.closures() == [
        "results/bea/plus/closure/audio.json",
        "results/ann/plus/closure/words.json",
        "results/bea/plus/closure/words.json",
    ]
    assert made.phone_file("bea", "audio") == "results/bea/source/truth.npz"
    assert made.phone_file("ann", "words") == "far/words.txt"


@pytest.mark.parametrize(
    "section, sentence",
    [
        ({"rendered": ["ann/cleo"]}, "ann/cleo is no pair"),
        ({"rendered": ["ann/ann"]}, "ann/ann is no pair"),
        ({"rendered": ["ann"]}, "ann is no pair"),
        ({"phones": {"song": "x.txt"}}, "there is no talking video song"),
        ({"variant": "pool", "rendered": ["ann/bea"]}, "have heard those voices"),
        ({"variant": "unigs", "rendered": ["ann/bea"]}, "no lips from speech"),
    ],
)
def test_what_cannot_be_made_is_refused(section, sentence):
    with pytest.raises(UserError, match=sentence):
        voices(**section)
