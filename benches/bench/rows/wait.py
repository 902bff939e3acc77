"""`new_task --wait -k` as a parallel shell loop over a broker."""

from __future__ import annotations

from ..lab import Lab
from ..measure import Process, Sample, run
from ..row import Contender, Goal, Row
from .commands import QUEUE

WORKERS = 2


def count_of(lab: Lab) -> int:
    return lab.size(10_000, 1_000)


def list_of(lab: Lab):
    path = lab.scratch / "wait-list"
    path.write_text("".join(f"task {number}\n" for number in range(count_of(lab))))
    return path


def ours(lab: Lab) -> Sample:
    for option in ("--file", "--wait", "--keep-order"):
        lab.need_option("new_task", option)
    count = count_of(lab)
    lab.empty(QUEUE)
    workers = [
        Process(lab, [lab.ours("worker"), "--idle-timeout", "3s", "--", "echo", "{}"],
                queue=QUEUE)
        for _ in range(WORKERS)
    ]
    try:
        sample = run(lab, [lab.ours("new_task"), "--wait", "-k", "--file", str(list_of(lab))],
                     count, queue=QUEUE)
        for worker in workers:
            theirs = worker.finish(1)
            sample.cpu += theirs.cpu
            sample.peak_kib += theirs.peak_kib
        return sample
    finally:
        for worker in workers:
            worker.end()


def xargs(lab: Lab) -> Sample:
    count = count_of(lab)
    with list_of(lab).open() as lines:
        return run(lab, [lab.tool("xargs"), "-P", str(WORKERS), "-d", "\\n", "-n", "1", "echo"],
                   count, queue=QUEUE, stdin=lines)


def rows(_quick: bool) -> list[Row]:
    return [
        Row("wait", f"--wait -k of small commands, {WORKERS} workers", "s",
            [Contender("new_task --wait -k", ours),
             Contender(f"xargs -P {WORKERS}", xargs, "no broker, no order")],
            [Goal("s", "<=", 1.1, f"xargs -P {WORKERS}")], rounds=2),
    ]
