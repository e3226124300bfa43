"""Snakemake, run in a process of its own, and the rules as text."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from unigs.pretrained import auto

REPO = Path(__file__).parents[2]
RULES = sorted((REPO / "workflow/rules").glob("*.smk"))

# Jobs run in bash, which reads the file that BASH_ENV names: there, `python` is a function that
# makes the files that it is told of and that are not there. Lossless videos are of more than 1 MB,
# above which Snakemake by itself compares times alone.
FAKE_PYTHON = """
make_file() {
    echo "made: $1" > "$1"
    case "$1" in *.mkv) head -c 1500000 /dev/zero >> "$1" ;; esac
}
python() {
    local word
    for word in "$@"; do
        case "$word" in results/*) [ -e "$word" ] || make_file "$word" ;; esac
        # The one output that is not a flag of its own: the label video beside the truth.
        case "$word" in */truth.npz) echo "made" > "${word%npz}mkv" ;; esac
    done
}
"""


DETECTORS = f"{auto.DETECTORS}.safetensors"
"""File of the networks that find faces."""


def stand_in(models: Path) -> None:
    """Put a file where the networks that find faces lie: no rule needs to fetch them."""
    models.mkdir(parents=True, exist_ok=True)
    (models / DETECTORS).touch()


def snakemake(
    *arguments: str, cwd: Path, check: bool = True, **variables: str
) -> subprocess.CompletedProcess:
    """Run Snakemake with this interpreter, shielded from the user's own profiles and weights."""
    if "UNIGS_MODELS" not in variables:
        stand_in(cwd / "resources/models")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    foreign = ("SNAKEMAKE", "PYTHONPATH", "UNIGS_MODELS")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    done = subprocess.run(command, cwd=cwd, env=clean | variables, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def planned(*arguments: str, cwd: Path) -> Counter:
    """Rule -> number of jobs that a dry run would start."""
    done = snakemake("--dry-run", *arguments, cwd=cwd)
    return jobs_of(done.stdout + done.stderr)


def jobs_of(text: str) -> Counter:
    """Rule -> number of jobs that the text of a run announces."""
    return Counter(re.findall(r"^(?:local)?rule (\w+):", text, flags=re.M))


def rules() -> list[tuple[str, str]]:
    """Name and text of every rule."""
    blocks = [b for f in RULES for b in re.split(r"^rule ", f.read_text(), flags=re.M)[1:]]
    return [(block.split(":", 1)[0], block) for block in blocks]


def stages() -> list[tuple[str, str, str]]:
    """Rule, its text and the module that it runs."""
    found = [(name, block, re.search(r"python -m (unigs[\w.]+)", block)) for name, block in rules()]
    return [(name, block, module[1]) for name, block, module in found if module]
