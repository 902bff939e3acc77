"""Running a program, and what it took."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .lab import Lab


@dataclass
class Sample:
    """One contender in one round."""

    tasks: int
    seconds: float  # all tasks together, wall time
    cpu: float | None = None  # seconds of the client and of what it ran, not of the broker
    peak_kib: int | None = None
    extra: dict | None = None  # figures of this row alone

    @property
    def rate(self) -> float:
        return self.tasks / self.seconds

    @property
    def milliseconds(self) -> float:
        return self.seconds / self.tasks * 1e3

    @property
    def cpu_us(self) -> float | None:
        return None if self.cpu is None else self.cpu / self.tasks * 1e6


class Failed(Exception):
    """A contender ended otherwise than it should."""


class Process:
    """A program under measurement, which runs."""

    def __init__(self, lab: Lab, command: list[str], *, queue: str, repeat: int = 1,
                 url: str | None = None, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        self.command = command
        self.directory = tempfile.TemporaryDirectory(dir=lab.scratch)
        self.figures = Path(self.directory.name) / "figures.json"
        self.errors = Path(self.directory.name) / "stderr"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [lab.peers(), "measure", "--repeat", str(repeat), "--output", str(self.figures),
                 "--", *command],
                env=lab.environment(queue, url), stdin=stdin, stdout=stdout, stderr=errors)

    def finish(self, tasks: int, *, seconds: float | None = None, codes=(0,),
               timeout: float = 300) -> Sample:
        """Waits for the end. `seconds`, where the program's own time is not what counts."""
        try:
            self.process.wait(timeout)
            if self.process.returncode != 0 or not self.figures.exists():
                raise Failed(f"{self.command[0]}: {self.errors.read_text()[-500:]}")
            figures = json.loads(self.figures.read_text())
            if set(figures["codes"]) - set(codes):
                raise Failed(f"{' '.join(self.command[:6])}: exit codes {set(figures['codes'])}: "
                             f"{self.errors.read_text()[-500:]}")
            # Of many runs the one in the middle: one may hit upon a broker that pauses.
            walls = statistics.median(figures["walls"]) * len(figures["walls"])
            return Sample(tasks, seconds or walls,
                          figures["user"] + figures["system"], figures["peak_kib"])
        except subprocess.TimeoutExpired as expired:
            raise Failed(f"{self.command[0]} does not end") from expired
        finally:
            self.end()

    def end(self) -> None:
        if self.process.poll() is None:
            # The program itself is the child of the one that measures it.
            for child in children(self.process.pid):
                subprocess.run(["kill", "-KILL", str(child)], stderr=subprocess.DEVNULL)
            self.process.wait()
        self.directory.cleanup()


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def run(lab: Lab, command: list[str], tasks: int, **options) -> Sample:
    """Runs a program to its end."""
    codes = options.pop("codes", (0,))
    return Process(lab, command, **options).finish(tasks, codes=codes)
