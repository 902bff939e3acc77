"""Tasks that are nothing: what taking and acknowledging costs."""

from __future__ import annotations

from dataclasses import replace

from ..lab import Lab
from ..measure import Sample, run
from ..row import Contender, Goal, Row

QUEUE = "bench-consume"


def count_of(lab: Lab, prefetch: int) -> int:
    return lab.size(20_000, 5_000) if prefetch == 1 else lab.size(60_000, 20_000)


def ours(prefetch: int, *options: str):
    def contender(lab: Lab) -> Sample:
        count = count_of(lab, prefetch)
        lab.fill(QUEUE, count)
        command = [lab.ours("worker"), "-p", str(prefetch), "--max-tasks", str(count), *options]
        return run(lab, command, count, queue=QUEUE)

    return contender


def lapin(prefetch: int):
    def contender(lab: Lab) -> Sample:
        count = count_of(lab, prefetch)
        lab.fill(QUEUE, count)
        command = [lab.peers(), "consume", "--queue", QUEUE, "--count", str(count),
                   "--prefetch", str(prefetch)]
        return run(lab, command, count, queue=QUEUE)

    return contender


def pika(prefetch: int):
    def contender(lab: Lab) -> Sample:
        count = lab.size(10_000, 2_000)
        lab.fill(QUEUE, count)
        command = [lab.python(), lab.script("benches/peers/scripts/pika_consume.py"), str(count),
                   str(prefetch)]
        return run(lab, command, count, queue=QUEUE)

    return contender


def celery(prefetch: int):
    def contender(lab: Lab) -> Sample:
        count = lab.size(2_000, 500)
        lab.empty(QUEUE)
        scripts = "benches/peers/scripts"
        run(lab, [lab.python(), lab.script(scripts, "celery_send.py"), str(count)], count, queue=QUEUE)
        said = lab.scratch / "celery"
        with said.open("w") as stdout:
            sample = run(lab, [lab.python(), lab.script(scripts, "celery_consume.py"), str(count),
                               str(prefetch)], count, queue=QUEUE, stdout=stdout)
        tasks, seconds = said.read_text().splitlines()[-1].split()
        return replace(sample, tasks=int(tasks), seconds=float(seconds))

    return contender


def rows(_quick: bool) -> list[Row]:
    made = []
    for prefetch, bound in [(1, 1.0), (100, 1.5), (1000, 1.5)]:
        made.append(
            Row(f"empty-{prefetch}", f"worker, empty tasks, prefetch {prefetch}", "tasks/s",
                [Contender("worker", ours(prefetch)),
                 Contender("worker --metrics", ours(prefetch, "--metrics", "127.0.0.1:0")),
                 Contender("lapin", lapin(prefetch)),
                 Contender("pika", pika(prefetch)), Contender("celery", celery(prefetch))],
                [Goal("tasks/s", ">=", bound, "lapin")],
                note="worker writes two lines a task, the peers none"))
    return made
