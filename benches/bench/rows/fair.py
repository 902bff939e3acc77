"""Fair dispatch: several workers, tasks of mixed lengths."""

from __future__ import annotations

import heapq
import json
import random
import subprocess
from datetime import datetime

from ..lab import Lab
from ..measure import Failed, Sample
from ..row import Contender, Goal, Row
from ..until import until

QUEUE = "bench-dispatch"
DOT = 0.010  # seconds
WORKERS = (2, 4, 8, 16)
LONGEST = 20  # dots


def lengths(count: int) -> list[int]:
    """The same in every run."""
    return [random.Random(number).randint(1, LONGEST) for number in range(count)]


def ideal(dots: list[int], workers: int) -> float:
    """Seconds, if whoever is free has the next task at that very moment."""
    free = [0] * workers
    for dot in dots:
        heapq.heappush(free, heapq.heappop(free) + dot)
    return max(free) * DOT


def ours(workers: int):
    def contender(lab: Lab) -> Sample:
        dots = lengths(workers * lab.size(40, 20))
        lab.empty(QUEUE)
        started = [
            subprocess.Popen(
                [lab.ours("worker"), "--dot", f"{DOT * 1000:.0f}ms", "--log-format", "json",
                 "--idle-timeout", "2s"],
                env=lab.environment(QUEUE), stdout=subprocess.PIPE, text=True)
            for _ in range(workers)
        ]
        try:
            until(lambda: lab.consumers(QUEUE) == workers, "all workers consume")
            lab.publish(QUEUE, ["." * count for count in dots])
            events = [json.loads(line) for worker in started
                      for line in worker.communicate(timeout=60)[0].splitlines()]
        finally:
            for worker in started:
                worker.kill()
                worker.wait()
        times = {name: [datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
                        for event in events if event["event"] == name]
                 for name in ("received", "done")}
        if len(times["done"]) != len(dots):
            raise Failed(f"{len(times['done'])} of {len(dots)} tasks were done")
        took = (max(times["done"]) - min(times["received"])).total_seconds()
        return Sample(len(dots), took, extra={"of ideal": took / ideal(dots, workers)})

    return contender


def rows(_quick: bool) -> list[Row]:
    return [
        Row(f"fair-{workers}", f"fair dispatch, {workers} workers, tasks of 10 to 200 ms", "s",
            [Contender("worker", ours(workers))], [Goal("of ideal", "<=", 1.02)], rounds=1,
            note="ideal: whoever is free has the next task at that very moment")
        for workers in WORKERS
    ]
