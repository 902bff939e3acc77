"""More and more workers on one queue."""

from __future__ import annotations

import subprocess
import time

from ..lab import Lab
from ..measure import Sample
from ..row import Contender, Goal, Row
from ..until import until

QUEUE = "bench-scale"
WORKERS = (1, 2, 4, 8, 16, 32)
PREFETCH = "100"


def ours(lab: Lab) -> list[str]:
    return [lab.ours("worker"), "-p", PREFETCH]


def lapin(lab: Lab) -> list[str]:
    return [lab.peers(), "consume", "--queue", QUEUE, "--count", "1000000000", "--prefetch", PREFETCH]


def bare(lab: Lab) -> list[str]:
    return [lab.peers(), "bare-consume", "--queue", QUEUE, "--count", "1000000000", "--prefetch", PREFETCH]


def pace(lab: Lab, command: list[str], workers: int) -> float:
    """Tasks a second between a tenth and nine tenths of the backlog: all have started by then."""
    count = lab.size(60_000, 40_000)
    lab.fill(QUEUE, count)
    started = [
        subprocess.Popen(command, env=lab.environment(QUEUE), stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        for _ in range(workers)
    ]
    marks = []

    def passed(share: float) -> bool:
        ready = lab.ready(QUEUE)
        if ready <= count * share:
            marks.append((time.monotonic(), ready))
        return ready <= count * share

    try:
        until(lambda: passed(0.9), "a tenth is done", pause=0.005)
        until(lambda: passed(0.1), "nine tenths are done", pause=0.005)
    finally:
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.wait()
    (begun, first), (ended, last) = marks
    return (first - last) / (ended - begun)


def series(command_of):
    """One, two, four ... workers; none of these may be much slower than the best with fewer."""
    def contender(lab: Lab) -> Sample:
        paces = [pace(lab, command_of(lab), workers) for workers in WORKERS]
        shares = [now / max(paces[:at + 1]) for at, now in enumerate(paces)]
        extra = {f"{workers}": round(now) for workers, now in zip(WORKERS, paces)}
        best = max(paces)
        return Sample(round(best), 1.0, extra={**extra, "of the best with fewer workers": min(shares)})

    return contender


def rows(_quick: bool) -> list[Row]:
    return [Row("scale", f"1 to {WORKERS[-1]} workers on one queue, empty tasks, prefetch {PREFETCH}",
                "tasks/s",
                [Contender("worker", series(ours)), Contender("lapin", series(lapin)),
                 Contender("bare consuming", series(bare), "the broker's own limit")],
                [Goal("of the best with fewer workers", ">=", 0.95),
                 Goal("of the best with fewer workers", ">=", 0.95, ours="bare consuming"),
                 Goal("of the best with fewer workers", ">=", 0.95, "bare consuming")], rounds=2,
                note="a classic queue is one process in the broker: its limit bounds both")]
