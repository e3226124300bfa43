"""Pretrained weights in the workflow: fetched if they are named, and never again."""

import hashlib
import io
import re
import stat
from pathlib import Path

import pytest
import torch
import yaml

from tests.losses.test_lpips import random_weights
from tests.support.site import serving
from tests.support.workflow import planned, snakemake

TARGET = "resources/models/lpips-alex.safetensors"
NAMED = {"evaluate": {"lpips_model": TARGET}}


@pytest.fixture
def arguments(checkout, tmp_path) -> list[str]:
    """Arguments of Snakemake in a working directory of its own."""
    (tmp_path / "people.tsv").write_text("subject\tdataset\tvideo\nbea\tx\tsynthetic\n")
    return ["--snakefile", str(checkout / "workflow/Snakefile"), "--config", "subjects=people.tsv"]


def put(folder: Path) -> Path:
    path = folder / TARGET
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not looked into")
    return path


def overlay(folder: Path, config: dict) -> list[str]:
    (folder / "more.yaml").write_text(yaml.safe_dump(config))
    return ["--configfile", "more.yaml"]


@pytest.mark.faults
def test_missing_weights_are_said_once_and_stop_nothing(arguments, tmp_path):
    done = snakemake("--dry-run", "tables", *arguments, cwd=tmp_path)
    text = done.stdout + done.stderr
    assert text.count("lpips-alex.safetensors is not there, so LPIPS is not measured") == 1
    assert f"--lpips-model {TARGET}" not in text and "rule fetch_model" not in text


def test_weights_that_are_there_are_used_and_not_fetched(arguments, tmp_path):
    put(tmp_path)
    done = snakemake("--dry-run", "--printshellcmds", "tables", *arguments, cwd=tmp_path)
    text = done.stdout + done.stderr
    assert "lpips-alex.safetensors is not there" not in text and "rule fetch_model" not in text
    commands = [line for line in text.splitlines() if f"--lpips-model {TARGET}" in line]
    # Two variants, each trained and judged.
    weights = [w for c in commands for w in re.findall("--lambda-lpips ([0-9.]+)", c)]
    assert len(commands) == 4 and sorted(weights) == ["0.2", "0.4"]


def test_weights_that_a_setting_names_are_fetched(arguments, tmp_path):
    named = overlay(tmp_path, NAMED)
    assert planned("tables", *arguments, *named, cwd=tmp_path)["fetch_model"] == 1
    put(tmp_path)
    assert planned("tables", *arguments, *named, cwd=tmp_path)["fetch_model"] == 0


@pytest.mark.faults
def test_terms_must_be_accepted(arguments, tmp_path):
    target = "resources/models/syncnet-v2.safetensors"
    done = snakemake("--dry-run", target, *arguments, cwd=tmp_path, check=False)
    assert done.returncode and "accept: [syncnet-v2]" in done.stdout + done.stderr
    agreed = overlay(tmp_path, {"accept": ["syncnet-v2"]})
    done = snakemake("--dry-run", "--printshellcmds", target, *arguments, *agreed, cwd=tmp_path)
    assert "--accept syncnet-v2" in done.stdout + done.stderr


@pytest.mark.faults
def test_no_network_is_a_sentence_in_the_log(arguments, tmp_path):
    proxies = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:1")
    proxies |= {"no_proxy": "", "NO_PROXY": ""}
    done = snakemake(TARGET, "--retries", "0", *arguments, cwd=tmp_path, check=False, **proxies)
    log = (tmp_path / "logs/fetch_model/lpips-alex.log").read_text()
    assert done.returncode and not (tmp_path / TARGET).exists()
    assert "error: lpips-alex cannot be fetched: https://download.pytorch.org" in log
    assert "Traceback" not in log


@pytest.fixture
def fetched(checkout, arguments, tmp_path):
    """The working directory after the rule has fetched weights, whose server is gone."""
    stream = io.BytesIO()
    torch.save(random_weights(), stream)
    path = checkout / "unigs/pretrained/models.yaml"
    kept = path.read_text()
    catalogue = yaml.safe_load(kept)
    with serving() as site:
        content = stream.getvalue()
        file = {"url": site.file("/w.pth", content), "size": len(content)}
        file["sha256"] = hashlib.sha256(content).hexdigest()
        source = {"reader": "state-dict", "files": {"weights": file}}
        catalogue["lpips-alex"]["sources"] = [source]
        path.write_text(yaml.safe_dump(catalogue))
        no_proxy = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
        snakemake(TARGET, *arguments, cwd=tmp_path, **no_proxy)
    path.write_text(kept)
    return tmp_path / TARGET


def test_the_rule_fetches_and_protects(fetched):
    assert fetched.stat().st_size > 9e6
    assert not fetched.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def test_edits_fetch_nothing_again(fetched, checkout, arguments, tmp_path):
    more = overlay(tmp_path, NAMED | {"accept": ["syncnet-v2"], "crop": {"size": 256}})
    for name in ("unigs/pretrained/fetch.py", "unigs/pretrained/models.yaml"):
        file = checkout / name
        kept = file.read_text()
        try:
            file.write_text(kept + "\n\n# edited\n")
            assert planned(TARGET, *arguments, *more, cwd=tmp_path) == {}
        finally:
            file.write_text(kept)
    snakemake(TARGET, *arguments, "--force", cwd=tmp_path, check=False)
    assert fetched.is_file()
