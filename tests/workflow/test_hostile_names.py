"""Files and captions are called what people call them: no shell takes their names for commands."""

import csv
import re
import subprocess

import pytest
import yaml

from tests.support.workflow import REPO, snakemake

NAMES = [
    "$(touch pwned)", "`touch pwned`", "a;touch pwned;", "a&touch pwned&", "a|touch pwned",
    "a>pwned", "a'b\"c", "*?[a]", "~", "$HOME", "a\\b", "#a", "-rf", "a!b", "10:30", "é %20 ü",
]  # fmt: skip
URL = "https://example.org/$(touch pwned)/`touch pwned`.mp4?a=1&touch=pwned;touch pwned"
RECORD = """
python() { printf '%s\\n' "$@" >> words; }
"""


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The words that bash hands to `python` in all commands of a plan, in a folder of its own."""
    work = tmp_path_factory.mktemp("hostile")
    with open(work / "people.tsv", "w", newline="") as file:
        sheet = csv.writer(file, "excel-tab")
        sheet.writerow(["subject", "dataset", "video", "url"])
        sheet.writerows([f"s{k}", "own", f"{name}.mp4", ""] for k, name in enumerate(NAMES))
        sheet.writerow(["far", "own", "", URL])
    for name in NAMES:
        (work / f"{name}.mp4").write_text(name)
        (work / f"{name}.wav").touch()
    sounds = [f"./{name}.wav" for name in NAMES]
    config = {"subjects": "people.tsv", "videos": {"variants": ["unigs"], "audio": sounds}}
    config["tables"] = {"hostile": {"variants": ["unigs"], "about": " ".join(NAMES)}}
    config["run_tables"] = ["hostile"]
    (work / "more.yaml").write_text(yaml.safe_dump(config))
    more = ["--snakefile", f"{REPO}/workflow/Snakefile", "--configfile", "more.yaml"]
    targets = [f"results/s{k}/clip/video.mp4" for k in range(len(NAMES))]
    targets += [f"results/s0/unigs/drive/{name}.mp4" for name in NAMES]
    targets += ["results/tables/hostile.csv", "results/far/clip/video.mp4"]
    told = snakemake("-n", "-p", *targets, *more, cwd=work).stdout
    commands = re.findall(r"^Shell command: (python -m .*)$", told, flags=re.M)
    for folder in re.findall(r"> '?(logs/[\w/]+)/", "\n".join(commands)):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "all.sh").write_text("\n".join([RECORD, *commands]))
    subprocess.run(["bash", "all.sh"], cwd=work, check=True)
    return work, (work / "words").read_text().splitlines()


def test_no_name_is_run(words):
    work, _ = words
    assert not [path for path in work.rglob("*") if path.name == "pwned"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_arrives_as_it_is(words, name):
    work, found = words
    clips = {f"{name}.mp4", str(work / f"{name}.mp4")}  # whole where it begins like a flag
    assert clips & {found[k + 1] for k, word in enumerate(found) if word == "--video"}
    assert f"./{name}.wav" in [found[k + 1] for k, word in enumerate(found) if word == "--audio"]
    assert f"results/s0/unigs/drive/{name}.mp4" in found


def test_a_caption_and_an_address_arrive_as_they_are(words):
    _, found = words
    assert found[found.index("--title") + 1] == " ".join(NAMES)
    assert found[found.index("--url") + 1] == URL
