"""The model card says what the files say, and that what is not known is not known."""

import hashlib
import html

import pytest
import yaml

from tests.support.runs import REASON, write_run
from unigs.provenance.clip import INTENDED_USE, Provenance
from unigs.report.card import NO_CONSENT, consent_line, read_card, write_card
from unigs.report.gallery import gallery
from unigs.stage.errors import UserError
from unigs.stage.files import write_json

RECORD = {
    "settings": {"iterations": 1000, "lpips_model": "/secret/place/lpips-alex.safetensors"},
    "static": {"settings": {"iterations": 400}},
    "provenance": {"source": "an address", "license": "CC BY 4.0", "consent": "form 1"},
    "versions": {"torch": "2.13.0"},
}


def card_of(root, record=RECORD, provenance=None, **figures):
    """Write the card of a made-up run; return its path."""
    test = write_run(root, "ann", "plus", 24.0, **figures)
    folder = test.parent / "dynamic"
    folder.mkdir(exist_ok=True)
    (folder / "portrait.safetensors").write_bytes(b"a portrait")
    write_json(folder / "run.json", record)
    write_card(
        folder / "portrait.safetensors", folder / "run.json", test / "metrics.json",
        test / "speed.json", folder / "card.md", provenance or Provenance(),
    )  # fmt: skip
    return folder / "card.md"


def test_programs_read_figures_origin_and_settings(tmp_path):
    facts = read_card(card_of(tmp_path))
    own = facts["unigs"]
    assert own["clip"] == {"source": "an address", "license": "CC BY 4.0", "consent": "form 1"}
    assert own["portrait"]["sha256"] == hashlib.sha256(b"a portrait").hexdigest()
    assert own["backends"] == {"speech": "logmel"} and own["intended_use"] == INTENDED_USE
    assert own["settings"]["dynamic"]["iterations"] == 1000
    assert own["settings"]["static"] == {"iterations": 400}
    assert facts["license"] == "other" and facts["license_name"] == "CC BY 4.0"
    (model,) = facts["model-index"]
    metrics = {m["type"]: m["value"] for m in model["results"][0]["metrics"]}
    assert model["name"] == "ann/plus"
    # LMD is measured at 256 pixels and shown at the paper's 480.
    assert metrics == {"psnr": 24.0, "psnr_hair": 22.0, "lmd": 1.5 * 480 / 256, "fps": 12.5}


def test_people_read_consent_use_figures_and_reasons(tmp_path):
    text = card_of(tmp_path).read_text().split("---\n", 2)[2]
    for words in (
        "# Portrait of ann, variant plus",
        "- consent: form 1",
        "- source: an address",
        INTENDED_USE,
        "## Not meant for",
        "| PSNR | full | 24.00 | 23.00 |",
        "| PSNR, hair | hair | 22.00 | – |",
        f"| LPIPS | full | – | – | empty: {REASON} |",
        "Of 19 test frames, which training never saw.",
        "| speech | logmel |",
        "181 frames of 256x256 pixels, 1.5h",
        "unigs verify",
    ):
        assert words in text, words
    assert NO_CONSENT not in text


def test_a_consent_that_nobody_told_is_said_to_be_missing(tmp_path):
    card = card_of(tmp_path, {name: RECORD[name] for name in ("settings", "static")})
    assert NO_CONSENT in card.read_text() and "- consent: not told" in card.read_text()
    facts = read_card(card)
    assert facts["unigs"]["clip"] == {"source": None, "license": None, "consent": None}
    assert "license" not in facts
    assert consent_line(facts) == "consent: not told · source: not told · license: not told"


def test_the_sheet_goes_before_the_record_of_the_training(tmp_path):
    facts = read_card(card_of(tmp_path, provenance=Provenance(consent="form 2")))
    assert facts["unigs"]["clip"]["consent"] == "form 2"
    assert facts["unigs"]["clip"]["source"] == "an address"


def test_no_path_of_this_machine_is_given_away(tmp_path):
    text = card_of(tmp_path).read_text()
    assert "/secret" not in text and str(tmp_path) not in text
    assert "lpips_model: lpips-alex.safetensors" in text


def test_what_somebody_told_changes_no_structure(tmp_path):
    evil = "yes\n---\nunigs: {clip: {consent: forged}} | <script>alert(1)</script> [x](http://y)"
    card = card_of(tmp_path, provenance=Provenance(consent=evil))
    facts = read_card(card)
    assert facts["unigs"]["clip"]["consent"] == evil
    text = card.read_text().split("\n---\n\n# ", 1)[1]
    assert "<script>" not in text.replace("\\<", "") and "\\[x\\]" in text
    assert sum("consent:" in line for line in text.splitlines()) == 1


def test_the_page_links_the_card_and_says_its_consent(tmp_path):
    card = card_of(tmp_path, provenance=Provenance(consent="form <3>"))
    metrics = card.parents[1] / "test/metrics.json"
    gallery((metrics,), tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text()
    assert 'href="ann/plus/dynamic/card.md"' in page
    assert "consent: form <3> · source: an address" in html.unescape(page)
    assert "form <3>" not in page
    card.unlink()
    gallery((metrics,), tmp_path / "index.html")
    assert "card.md" not in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize(
    "text", ["", "no card", "---\n: [\n---\n", "---\n- 1\n---\n", "---\nunigs"]
)
def test_what_is_no_card_says_nothing(tmp_path, text):
    (tmp_path / "card.md").write_text(text)
    assert read_card(tmp_path / "card.md") == {}
    assert consent_line({"unigs": yaml.safe_load("clip: 3")}).startswith("consent: not told")


def test_a_missing_portrait_is_named(tmp_path):
    card = card_of(tmp_path)
    (card.parent / "portrait.safetensors").unlink()
    files = [card.with_name("run.json"), *(card.parents[1] / "test").glob("*.json")]
    with pytest.raises(UserError, match=r"portrait\.safetensors does not exist: train"):
        write_card(card.with_name("portrait.safetensors"), *files, card)
