"""A real SLURM cluster of three made-up nodes on this machine, gone without a trace afterwards.

Everything runs in a namespace of its own for processes and mounts: there `/etc/slurm` is a folder
of the test, and when the namespace's first process ends, the system ends all others with it,
whatever became of the tests. The nodes claim more processors and memory than there are, and cards
that are `/dev/null`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "unshare", "nsenter")
ETC = Path("/etc/slurm")
NODES = {"cpu": ["c1"], "gpu": ["g1", "g2"]}
"""Partition, as the shipped profile names it -> its nodes."""
CPUS, MEMORY = 8, 64000
DOWN_AFTER = 5
"""Seconds after which a node that does not answer is taken for lost."""
CONFIG = """
ClusterName=made-up
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
SlurmdTimeout={down_after}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MinJobAge=100000
KillWait=20
GresTypes=gpu
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} {more}"
START = 'mount --bind "$1" "$2" && echo ready && read -r'
"""The first process: it waits for the tests to close its input, and reaps what others leave."""


def missing() -> str | None:
    """Why no cluster can be brought up here; None if it can."""
    where = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if shutil.which(name, path=where) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurm-wlm munge"
    if not ETC.is_dir():
        return f"there is no folder {ETC}"
    words = ["unshare", "-m", "-p", "-f", "--mount-proc", "mount", "--bind", str(ETC), str(ETC)]
    probe = subprocess.run(words, capture_output=True)
    return "namespaces and mounts in them are not permitted here" if probe.returncode else None


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def wait_for(what: str, seconds: float, condition: Callable[[], object]) -> object:
    """Wait until a condition holds, and return its value.

    Args:
        what: what is waited for, for people.
        seconds: longest time.
        condition: function without arguments.

    Raises:
        TimeoutError: it did not hold in time.
    """
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)
    return value


@dataclass(frozen=True)
class Job:
    """What SLURM's controller knows of a job."""

    number: int
    state: str
    rule: str
    """Rule or group (whose name must hold no `_`), from the comment that the executor writes."""
    partition: str
    asked: Mapping[str, str]
    """Resource -> amount: cpu, mem, node."""
    cards: int
    """Cards that it asked for."""
    minutes: int
    """Time limit."""
    node: str
    restarts: int
    text: str = field(repr=False)
    """All of it."""


class Cluster:
    """SLURM's daemons, and commands run beside them.

    Args:
        folder: empty folder for their files; its path must be short, as it holds a socket.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, socket.gethostname().partition(".")[0]
        for name in ("etc", "state", *(f"spool-{node}" for node in self.nodes)):
            (folder / name).mkdir(parents=True)
        self._write_configuration()
        space = ["unshare", "-m", "-p", "-f", "--kill-child", "--mount-proc", "bash", "-c", START]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.space = subprocess.Popen([*space, "first", f"{folder}/etc", str(ETC)], **pipes)
        assert self.space.stdout.readline() == b"ready\n"
        children = Path(f"/proc/{self.space.pid}/task/{self.space.pid}/children").read_text()
        self.enter = ["nsenter", "-t", children.split()[0], "-m", "-p"]

    @property
    def nodes(self) -> list[str]:
        """Names of all nodes."""
        return [name for names in NODES.values() for name in names]

    def _write_configuration(self) -> None:
        ports = free_ports(1 + len(self.nodes))
        common = {"host": self.host, "folder": self.folder, "down_after": DOWN_AFTER}
        lines = [CONFIG.format(port=ports[0], **common)]
        for name, port in zip(self.nodes, ports[1:], strict=True):
            more = f"RealMemory={MEMORY}" + (" Gres=gpu:1" if name in NODES["gpu"] else "")
            lines.append(NODE.format(name=name, host=self.host, port=port, cpus=CPUS, more=more))
        for partition, names in NODES.items():
            lines.append(f"PartitionName={partition} Nodes={','.join(names)} MaxTime=1440 State=UP")
        (self.folder / "etc/slurm.conf").write_text("\n".join([*lines, ""]))
        cards = [f"NodeName={name} Name=gpu File=/dev/null" for name in NODES["gpu"]]
        (self.folder / "etc/gres.conf").write_text("\n".join([*cards, ""]))
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o400)

    def start(self) -> None:
        """Start the daemons, and wait until all nodes are idle."""
        at = self.folder
        self.run(
            "munged", "--force", f"--key-file={at}/munge.key", f"--socket={at}/munge.socket",
            f"--pid-file={at}/munged.pid", f"--log-file={at}/munged.log",
            f"--seed-file={at}/munged.seed",
        )  # fmt: skip
        self.run("slurmctld")
        wait_for("a controller", 30, lambda: "UP" in self.run("scontrol", "ping", code=None))
        for name in self.nodes:
            self.start_node(name)
        wait_for("all nodes idle", 60, lambda: set(self.node_states().values()) == {"idle"})

    def stop(self) -> None:
        """End every process of the cluster, those of jobs included."""
        self.space.stdin.close()
        self.space.wait(timeout=30)

    def popen(self, *command: str | Path, **how: object) -> subprocess.Popen:
        """Start a command beside the daemons.

        Args:
            command: its words.
            how: as for `subprocess.Popen`; `cwd` is where it starts, `env` what it sees besides.
        """
        environment = dict(os.environ, **how.pop("env", {}))
        environment["PATH"] += ":/usr/sbin:/sbin"
        there = f"--wdns={how.pop('cwd', self.folder)}"
        return subprocess.Popen([*self.enter, there, *command], env=environment, text=True, **how)

    def run(self, *command: str | Path, code: int | None = 0) -> str:
        """Run a command beside the daemons to its end; returns what it said.

        What it says goes to a file: daemons would hold a pipe open.

        Args:
            command: its words.
            code: exit code that it must have; None: any.
        """
        said = self.folder / "said"
        with open(said, "w") as file:
            done = self.popen(*command, stdout=file, stderr=subprocess.STDOUT)
            ended = done.wait(timeout=60)
        assert code in (None, ended), f"{command}: {said.read_text()}"
        return said.read_text()

    def start_node(self, name: str) -> None:
        """Start a node's daemon."""
        self.run("slurmd", "-N", name)

    def lose_node(self, name: str) -> None:
        """Kill a node as a power cut does: its daemon, and every process of its jobs, at once."""
        self.run(sys.executable, "-c", POWER_CUT, name, str(self.folder / f"{name}.pid"))

    def node_states(self) -> dict[str, str]:
        """Node -> its state."""
        lines = self.run("sinfo", "-h", "-N", "-o", "%N %t").splitlines()
        return dict(line.split() for line in lines if len(line.split()) == 2)

    def jobs(self) -> list[Job]:
        """All jobs since the start, in the order of their submission."""
        said = self.run("scontrol", "--oneliner", "show", "job")
        found = [_job(line) for line in said.splitlines() if line.startswith("JobId=")]
        return sorted(found, key=lambda job: job.number)

    def job_of(self, rule: str, *states: str) -> Job | None:
        """The newest job of a rule or group that is in one of these states (default: in any)."""
        found = [
            job for job in self.jobs() if job.rule == rule and (not states or job.state in states)
        ]
        return found[-1] if found else None


POWER_CUT = """
import os, signal, sys
from contextlib import suppress
from pathlib import Path
node, daemon = sys.argv[1], Path(sys.argv[2]).read_text().strip()
parents, lost = {}, {daemon}
for entry in filter(str.isdigit, os.listdir("/proc")):
    try:
        stat = Path("/proc", entry, "stat").read_text()
        words = Path("/proc", entry, "environ").read_bytes().split(b"\\0")
    except OSError:
        continue
    parents[entry] = stat.rpartition(")")[2].split()[1]
    if f"SLURMD_NODENAME={node}".encode() in words:
        lost.add(entry)
        lost.add(parents[entry])  # slurmstepd, which looks after it
lost.discard("1")
# All stand still before the first of them dies, or who looks after a job could still tell its end.
for number in (signal.SIGSTOP, signal.SIGKILL):
    for entry in lost:
        with suppress(ProcessLookupError):
            os.kill(int(entry), number)
"""
"""Program that kills a node's daemon, whatever runs in its jobs, and who looks after them."""


def _rule(comment: str) -> str:
    """Rule or group out of `rule_RULE_wildcards_...`, or `rule_GROUP_RULE_RULE...`."""
    name, _, wildcards = comment.removeprefix("rule_").partition("_wildcards_")
    return name if wildcards else name.partition("_")[0]


def _job(line: str) -> Job:
    values = dict(re.findall(r"(\w+)=(.*?)(?= [A-Z]\w+(?::\w+)*=|$)", line))
    days, hours, minutes = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+):\d+", values["TimeLimit"]).groups()
    return Job(
        number=int(values["JobId"]),
        state=values["JobState"],
        rule=_rule(values.get("Comment", "")),
        partition=values["Partition"],
        asked=dict(pair.split("=", 1) for pair in values["TRES"].split(",")),
        cards=int(values.get("TresPerJob", "gres:gpu:0").rpartition(":")[2]),
        minutes=int(days or 0) * 1440 + int(hours) * 60 + int(minutes),
        node=values["NodeList"],
        restarts=int(values["Restarts"]),
        text=line,
    )
