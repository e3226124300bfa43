"""What `make` says and runs, with stand-ins for the programs that it calls."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
PIP = """#!/bin/bash
# pip of a machine whose places hold no build of torch but those named in $FOUND.
echo "$*" >> "$CALLS"
case "$*" in
*index-url*) place=index ;;
*torch==*) place=wheels ;;
*) exit 0 ;;
esac
[ "$place" = "$FOUND" ] && exit 0
echo "ERROR: ResolutionImpossible: for help visit a page" >&2
exit 1
"""
ECHO = """#!/bin/bash
printf '%s\\n' "$@"
"""


@pytest.fixture
def environment(tmp_path):
    """An environment folder with programs that people did not install."""
    (tmp_path / "bin").mkdir()

    def program(name: str, text: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    program("nvidia-smi", "#!/bin/bash\nexit 1\n")
    program("pip", "#!/bin/bash\n")  # so that no environment is made around the stand-ins
    return tmp_path, program


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    command = ["make", "--no-print-directory", f"VENV={folder}", f"PYTHON={sys.executable}"]
    known = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        [*command, *arguments], cwd=REPO, env=known | variables, capture_output=True, text=True
    )


def bare_path(folder: Path, *programs: str) -> str:
    """A PATH with those programs of this machine and no other."""
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


@pytest.mark.parametrize("python", ["", "PYTHON=", "PYTHON=/no/python", "PYTHON={old}"])
def test_without_a_python_that_can_do_it_one_sentence_says_what_to_install(tmp_path, python):
    old = tmp_path / "python 2"
    old.write_text("#!/bin/bash\nexit 1\n")
    old.chmod(0o755)
    path = bare_path(tmp_path / "bin", "bash", "make", "sed", "uname")
    command = ["make", f"VENV={tmp_path / 'venv'}", "setup", python.format(old=old)]
    done = subprocess.run(
        [word for word in command if word],
        cwd=REPO, env={"PATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    said, make_says = done.stderr.splitlines()
    assert done.returncode == 2 and not done.stdout and make_says.startswith("make: ***")
    assert said == (
        "error: UniGS needs Python 3.11 to 3.14: install it (Debian: apt-get install python3), or "
        "say where it is: make setup PYTHON=/path/to/python3.11"
    )


@pytest.mark.parametrize("reached, user", [(True, 0), (True, 1000), (False, 1000)])
def test_continuous_integration_begins_with_a_bare_system(tmp_path, reached, user):
    """No make and no ffmpeg: both are asked for, and what makes them is a stand-in.

    SLURM is asked for where root can bring it up.
    """
    path = bare_path(tmp_path / "bin", "bash", "dirname", "chmod", "timeout")
    (tmp_path / "bin/id").write_text(f"#!/bin/bash\necho {user}\n")
    (tmp_path / "bin/id").chmod(0o755)
    (tmp_path / "bin/sudo").symlink_to(shutil.which("env"))
    apt = tmp_path / "bin/apt-get"
    apt.write_text(
        f"#!/bin/bash\n{'' if reached else 'exit 100'}\n"
        'echo "$@" >> "$CALLS"; [ "$1" = update ] && exit\n'
        'printf \'#!/bin/bash\\necho "make $*" >> "$CALLS"\\n\' > "$BIN/${@: -1}"\n'
        'chmod +x "$BIN/${@: -1}"\n'
    )
    apt.chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()
    done = subprocess.run(
        [shutil.which("bash"), REPO / ".ci/run"],
        env={"PATH": path, "BIN": path, "CALLS": str(calls)}, capture_output=True, text=True,
    )  # fmt: skip
    said = calls.read_text().splitlines()
    if reached:
        assert done.returncode == 0, done.stderr
        assert [line for line in said if line[:6] != "update"] == [
            "install -y -qq make", "install -y -qq ffmpeg",
            *(["install -y -qq slurm-wlm munge"] if user == 0 else []),
            "make lint", "make test", "make test-faults",
        ]  # fmt: skip
    else:
        assert done.returncode == 127 and "make could not be installed" in done.stdout


@pytest.mark.parametrize(
    "ended, code, told", [(0, 0, False), (1, 1, False), (124, 0, True), (137, 0, True)]
)
def test_the_hour_of_continuous_integration_hides_no_fault(tmp_path, ended, code, told):
    """Time that is over is told; a fault that fails does fail the run."""
    path = bare_path(tmp_path / "bin", "bash", "dirname", "env")
    for name, ends in (("make", 0), ("ffmpeg", 0), ("id", 0), ("timeout", ended)):
        stand_in = tmp_path / "bin" / name
        stand_in.write_text(f"#!/bin/bash\necho 1000\nexit {ends}\n")
        stand_in.chmod(0o755)
    done = subprocess.run(
        [shutil.which("bash"), REPO / ".ci/run"],
        env={"PATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert ("NOT ALL BAD DAYS WERE TRIED" in done.stdout) == told


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take the default build")
@pytest.mark.parametrize(
    "found, installs, sentences",
    [
        ("wheels", 2, []),
        ("index", 3, ["asking download.pytorch.org"]),
        ("none", 3, ["asking download.pytorch.org", "taking the default one"]),
    ],
)
def test_setup_takes_the_next_place_without_an_error_of_pip(
    environment, found, installs, sentences
):
    folder, program = environment
    program("python", PIP)
    calls = folder / "calls"
    done = make(folder, "setup", CALLS=str(calls), FOUND=found)
    told = done.stdout + done.stderr
    assert done.returncode == 0 and "ERROR" not in told
    assert sum("pip install" in line for line in calls.read_text().splitlines()) == installs
    assert [s for s in ("asking download", "default one") if s in told] == [
        s for s in ("asking download", "default one") if any(s in words for words in sentences)
    ]
    refusals = installs - 2 + (found == "none")
    assert (folder / "torch.log").read_text().count("ResolutionImpossible") == refusals


def test_setup_without_a_network_is_a_sentence_and_no_failure(environment, tmp_path):
    """pip is a stand-in that finds everything; the weights are really looked for."""
    folder, program = environment
    real = f'case "$*" in "-m unigs models"*) exec "{sys.executable}" "$@" ;; esac'
    program("python", PIP.replace('echo "$*"', f'{real}\necho "$*"'))
    blocked = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:1")
    blocked |= {"no_proxy": "", "NO_PROXY": "", "UNIGS_MODELS": str(tmp_path / "models")}
    done = make(folder, "setup", CALLS=str(folder / "calls"), FOUND="wheels", **blocked)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert done.stdout.count("Not fetched: whisper-tiny-en, lpips-alex, face-landmarks-68, ") == 1
    assert (folder / ".unigs-ready").exists() and not list((tmp_path / "models").glob("*"))


def test_demo_and_portrait_are_the_commands_of_unigs(environment, tmp_path):
    folder, program = environment
    program("python", ECHO)
    (folder / ".unigs-ready").touch()
    clip = tmp_path / "my clip's.mp4"
    told = ("NAME=Zoë", "REPLACE=zoe", "PRESET=laptop", "CONSENT=my 'own'")
    done = make(folder, "portrait", f"CLIP={clip}", *told)
    words = ["-m", "unigs", "portrait", "--cores", "all", "--preset", "laptop", "--name=Zoë"]
    assert done.stdout.splitlines() == [
        *(*words, "--audio=", "--replace=zoe", "--consent=my 'own'"), "--", str(clip)
    ]  # fmt: skip
    done = make(folder, "demo", "CORES=3")
    assert done.stdout.splitlines()[1:] == ["-m", "unigs", "demo", "--cores", "3"]
    assert make(folder, "portrait").returncode
