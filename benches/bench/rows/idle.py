"""What a worker costs that has nothing to do."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from ..lab import Lab, Skip
from ..measure import Sample
from ..row import Contender, Goal, Row
from ..until import until

QUEUE = "bench-idle"


def idle(command_of):
    def contender(lab: Lab) -> Sample:
        if not Path("/proc/self/status").exists():
            raise Skip("no /proc here")
        seconds = lab.size(20, 11)
        lab.empty(QUEUE)
        process = subprocess.Popen(command_of(lab), env=lab.environment(QUEUE),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: lab.consumers(QUEUE) == 1, "it consumes")
            # What belongs to its start may still be under way.
            time.sleep(1)
            before, begun = wake_ups(process.pid), time.monotonic()
            time.sleep(seconds)
            after, took = wake_ups(process.pid), time.monotonic() - begun
            # A thread that has ended meanwhile was not one of the idle ones.
            count = sum(after[thread] - before.get(thread, 0) for thread in after)
            resident = field(Path(f"/proc/{process.pid}/status"), "VmRSS")
            return Sample(1, took, peak_kib=resident,
                          extra={"wake-ups/min": count / took * 60})
        finally:
            process.kill()
            process.wait()
            until(lambda: lab.consumers(QUEUE) == 0, "its consumer is gone")

    return contender


def wake_ups(pid: int) -> dict[str, int]:
    """How often each thread has gone to sleep so far."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {thread.name: field(thread / "status", "voluntary_ctxt_switches") for thread in threads}


def field(status: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines()
                if line.startswith(f"{name}:"))


def rows(_quick: bool) -> list[Row]:
    heartbeats = 6 * 2  # one each way every 10 s, with --heartbeat 20s
    threads = 4  # a heartbeat wakes the thread that reads it and at most these besides it
    return [
        Row("idle", "an idle worker", "MiB",
            [Contender("worker", idle(lambda lab: [lab.ours("worker")])),
             Contender("worker --metrics", idle(lambda lab: [lab.ours("worker"), "--metrics",
                                                             "127.0.0.1:0"])),
             Contender("lapin", idle(lambda lab: [lab.peers(), "consume", "--queue", QUEUE,
                                                  "--count", "1"])),
             Contender("amqp-consume", idle(lambda lab: [lab.tool("amqp-consume"), "--url", lab.url,
                                                         "-q", QUEUE, "cat"]), "no heartbeats"),
             Contender("pika", idle(lambda lab: [lab.python(),
                                                 lab.script("tests/interop/pika/worker.py")]))],
            [Goal("MiB", "<=", 8), Goal("wake-ups/min", "<=", heartbeats * threads)], rounds=1,
            note="resident, while idle"),
    ]
