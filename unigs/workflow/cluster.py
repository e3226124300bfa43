"""What a SLURM cluster would never start, said before anything is submitted.

The queue holds a job that asks for more than any node has, or for more time than its partition
gives, for ever and without a word, or refuses it after all that comes before it was computed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from unigs.stage.errors import UserError

NODES = ("sinfo", "--noheader", "--exact", "--format=%R|%c|%m|%l|%G")
"""Command that lists, for each kind of node: partition, processors, MB, longest time, cards."""
SETTINGS = ("scontrol", "show", "config")
"""Command that tells how the cluster is set up."""
PROFILE = "in your copy of workflow/profiles/slurm"


@dataclass(frozen=True)
class Request:
    """What a job, or a group of jobs, asks for."""

    name: str
    """Its rule, or its group."""
    partition: str
    """One, or several with commas between; empty: whichever is the usual one."""
    cpus: int
    megabytes: int
    minutes: int
    cards: int = 0


@dataclass(frozen=True)
class Nodes:
    """Equal nodes of a partition."""

    partition: str
    cpus: int
    megabytes: int
    minutes: float
    """Longest time that a job may take there."""
    cards: int


def complaints(requests: Iterable[Request], nodes: list[Nodes]) -> list[str]:
    """A sentence for each request that no node fulfills, with what to set.

    Args:
        requests: what jobs ask for; of equal ones one is told of.
        nodes: nodes of the cluster.
    """
    found = [_complaint(request, nodes) for request in dict.fromkeys(requests)]
    return list(dict.fromkeys(sentence for sentence in found if sentence))


def _complaint(request: Request, nodes: list[Nodes]) -> str | None:
    there = [kind for kind in nodes if kind.partition in request.partition.split(",")]
    name = request.name
    if not request.partition:
        return None
    if not there:
        known = ", ".join(sorted({kind.partition for kind in nodes}))
        return (
            f"{name}: this cluster has no partition {request.partition}, only {known}: set "
            f"slurm_partition {PROFILE}"
        )
    for asked, has, what, setting in (
        (request.cards, "cards", "GPUs", f"set-resources: {{{name}: {{slurm_partition: ...}}}}"),
        (request.cpus, "cpus", "CPUs", f"set-threads: {{{name}: {{}}}}"),
        (request.megabytes, "megabytes", "MB", f"set-resources: {{{name}: {{mem_mb: {{}}}}}}"),
        (request.minutes, "minutes", "minutes", f"set-resources: {{{name}: {{runtime: {{}}}}}}"),
    ):
        there.sort(key=lambda kind, has=has: getattr(kind, has))
        most = getattr(there[-1], has)
        there = [kind for kind in there if getattr(kind, has) >= asked]
        if not there:
            return (
                f"{name} asks for {asked} {what}, and the nodes of partition {request.partition} "
                f"have {most:.0f}: write {setting.replace('{}', f'{most:.0f}')} {PROFILE}"
            )
    return None


def parse_nodes(said: str) -> list[Nodes]:
    """Nodes out of what `NODES` says.

    Args:
        said: its lines.
    """
    rows = [line.split("|") for line in said.splitlines() if line.count("|") == 4]
    return [
        Nodes(
            partition, int(cpus.rstrip("+")), int(megabytes.rstrip("+")), _minutes(time),
            sum(int(number) for number in re.findall(r"gpu(?::[^:,()]+)?:(\d+)", cards)),
        )
        for partition, cpus, megabytes, time, cards in rows
    ]  # fmt: skip


def _minutes(time: str) -> float:
    """Minutes of SLURM's [days-]hours:minutes:seconds; infinite where it names no limit."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):\d\d", time)
    if not match:
        return float("inf")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return (days * 24 + hours) * 60 + minutes


def forgets(said: str, first_look: int) -> str | None:
    """A sentence if finished jobs would go unnoticed: no accounts, and a queue that forgets soon.

    Args:
        said: what `SETTINGS` says.
        first_look: seconds after which Snakemake looks for the first time.
    """
    values = dict(re.findall(r"^(\w+)\s+= (.*)$", said, re.M))
    keeps = re.match(r"\d+", values.get("MinJobAge", ""))
    if not keeps or not values.get("AccountingStorageType", "").endswith("/none"):
        return None
    # The executor trusts the queue with ages of three times its first pause, else asks sacct.
    longest = int(keeps[0]) // 3
    if first_look <= longest:
        return None
    return (
        f"this cluster keeps no accounts, and its queue forgets jobs {keeps[0]} s after their end: "
        f"write slurm-init-seconds-before-status-checks: {max(longest, 1)} {PROFILE}"
    )


def check(requests: Iterable[Request], first_look: int) -> None:
    """Refuse a run whose jobs the cluster would never start, or never say to be done.

    Args:
        requests: what its jobs ask for.
        first_look: seconds after which Snakemake looks for the first time.

    Raises:
        UserError: there are such jobs; all of them are named.
    """
    nodes = parse_nodes(_said(NODES))
    found = complaints(requests, nodes) if nodes else []
    if sentence := forgets(_said(SETTINGS), first_look):
        found.append(sentence)
    if found:
        raise UserError("; ".join(found) + ".")


def _said(command: tuple[str, ...]) -> str:
    """What a command of SLURM says; nothing where it is not there, or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
