"""What a SLURM cluster would never start, from what its own commands say."""

import re
from dataclasses import replace

import pytest

from unigs.stage.errors import UserError
from unigs.workflow import cluster
from unigs.workflow.cluster import Nodes, Request, complaints, forgets, parse_nodes

SINFO = """\
cpu|16|64000|1-00:00:00|(null)
gpu|8|128000|12:30:00|gpu:2
gpu|32|32000|12:30:00|gpu:a100:4(S:0-1),shard:8
long|2+|1500+|infinite|gpu:h100:1,gpu:l4:2
short|4|8000|30:00|(null)
"""
NODES = parse_nodes(SINFO)
TRAINING = Request("train_static", "gpu", 8, 16000, 120, 1)


def test_nodes_are_read():
    assert NODES == [
        Nodes("cpu", 16, 64000, 1440, 0),
        Nodes("gpu", 8, 128000, 750, 2),
        Nodes("gpu", 32, 32000, 750, 4),
        Nodes("long", 2, 1500, float("inf"), 3),
        Nodes("short", 4, 8000, 30, 0),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {}, {"cpus": 32}, {"megabytes": 128000}, {"minutes": 750}, {"cards": 4},
        {"partition": "cpu,gpu", "minutes": 1440, "cards": 0}, {"partition": "", "cpus": 999},
        {"partition": "long", "cpus": 2, "megabytes": 1500, "minutes": 10**6, "cards": 3},
    ],
)  # fmt: skip
def test_what_some_node_fulfills_is_fine(change):
    assert complaints([replace(TRAINING, **change)], NODES) == []


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"cpus": 33}, "asks for 33 CPUs, .* gpu have 32: write set-threads: {train_static: 32}"),
        ({"megabytes": 128001}, "have 128000: write set-resources: {train_static: {mem_mb: 128000"),
        ({"minutes": 751}, "asks for 751 minutes, .* have 750: write .*{runtime: 750}}"),
        ({"partition": "cpu"}, "asks for 1 GPUs, .* cpu have 0: write .*{slurm_partition: ...}}"),
        ({"partition": "v100"}, "no partition v100, only cpu, gpu, long, short: set slurm_partit"),
        # Each by itself is there, but on different nodes.
        ({"cpus": 32, "megabytes": 64000}, "asks for 64000 MB, .* have 32000"),
    ],
)
def test_what_no_node_fulfills_is_one_sentence(change, sentence):
    (said,) = complaints([replace(TRAINING, **change)] * 3, NODES)
    assert re.search(sentence, said)
    assert said.endswith("in your copy of workflow/profiles/slurm")


CONFIG = "AccountingStorageType   = {}\nMinJobAge               = {} sec\n"


@pytest.mark.parametrize(
    "storage, age, first_look, said",
    [
        ("accounting_storage/none", 300, 40, None),
        ("accounting_storage/none", 60, 40, "forgets jobs 60 s after .*-checks: 20 in"),
        ("accounting_storage/none", 2, 40, "-checks: 1 in"),
        ("accounting_storage/slurmdbd", 2, 40, None),
    ],
)
def test_a_queue_that_forgets_without_accounts_is_one_sentence(storage, age, first_look, said):
    sentence = forgets(CONFIG.format(storage, age), first_look)
    assert sentence is None if said is None else re.search(said, sentence)


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Stand-ins for SLURM's commands."""

    def make(name: str, text: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return make


def test_all_that_is_wrong_is_said_at_once(commands):
    commands("sinfo", f"cat <<E\n{SINFO}E")
    commands("scontrol", "cat <<E\n" + CONFIG.format("accounting_storage/none", 60) + "E")
    cluster.check([TRAINING], 20)
    with pytest.raises(UserError, match="33 CPUs.*; plot asks for 99999 MB.*; this cluster keeps"):
        cluster.check(
            [replace(TRAINING, cpus=33), Request("plot", "cpu", 1, 99999, 5), TRAINING], 40
        )


@pytest.mark.parametrize("text", ["exit 1", "echo nonsense", "exit 0"])
def test_a_cluster_that_tells_nothing_is_trusted(commands, text):
    commands("sinfo", text)
    commands("scontrol", text)
    cluster.check([replace(TRAINING, cpus=10**6)], 40)
