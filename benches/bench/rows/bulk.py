"""Many tasks from one process."""

from __future__ import annotations

import subprocess
import time

from ..lab import Lab
from ..measure import Process, Sample, run
from ..row import Contender, Goal, Row

QUEUE = "bench-bulk"
BODY = "0123456789abcdef"


def file_of(lab: Lab, count: int):
    path = lab.scratch / f"{count}-tasks"
    if not path.exists():
        path.write_text(f"{BODY}\n" * count)
    return path


def ours(lab: Lab) -> Sample:
    lab.need_option("new_task", "--file")
    lab.empty(QUEUE)
    count = lab.size(100_000, 50_000)
    command = [lab.ours("new_task"), "--file", str(file_of(lab, count)), "--window", "1000"]
    return run(lab, command, count, queue=QUEUE)


def lapin(lab: Lab) -> Sample:
    lab.empty(QUEUE)
    count = lab.size(100_000, 50_000)
    command = [lab.peers(), "publish", "--queue", QUEUE, "--count", str(count), "--window", "1000"]
    return run(lab, command, count, queue=QUEUE)


def frames(lab: Lab) -> Sample:
    lab.empty(QUEUE)
    count = lab.size(100_000, 50_000)
    command = [lab.peers(), "frames", "--queue", QUEUE, "--count", str(count), "--window", "1000"]
    return run(lab, command, count, queue=QUEUE)


def amiquip(lab: Lab) -> Sample:
    lab.empty(QUEUE)
    count = lab.size(100_000, 50_000)
    command = [lab.peers(), "publish-amiquip", "--queue", QUEUE, "--count", str(count),
               "--window", "1000"]
    return run(lab, command, count, queue=QUEUE)


def pika(lab: Lab) -> Sample:
    lab.empty(QUEUE)
    count = lab.size(3000, 1000)
    command = [lab.python(), lab.script("benches/peers/scripts/pika_bulk.py"), str(count)]
    return run(lab, command, count, queue=QUEUE)


def php(lab: Lab) -> Sample:
    lab.empty(QUEUE)
    count = lab.size(50_000, 10_000)
    command = [lab.tool("php"), lab.script("benches/peers/scripts/bulk.php"), str(count), "1000"]
    return run(lab, command, count, queue=QUEUE)


def celery(lab: Lab) -> Sample:
    lab.empty(QUEUE)
    count = lab.size(3000, 1000)
    command = [lab.python(), lab.script("benches/peers/scripts/celery_send.py"), str(count)]
    return run(lab, command, count, queue=QUEUE)


def amqp_tools(lab: Lab) -> Sample:
    lab.empty(QUEUE)
    count = lab.size(100_000, 50_000)
    command = [lab.tool("amqp-publish"), "--url", lab.url, "-p", "-l", "-r", QUEUE]
    with file_of(lab, count).open() as lines:
        return run(lab, command, count, queue=QUEUE, stdin=lines)


def endless(lab: Lab) -> Sample:
    """A pipe that is fed and drained all the while: does the pace hold, does the memory?"""
    lab.need_option("new_task", "--file")
    lab.empty(QUEUE)
    count = lab.size(1_000_000, 100_000) * (10 if lab.long else 1)
    piece = f"{BODY}\n".encode() * 1000
    drains = [
        subprocess.Popen([lab.peers(), "consume", "--queue", QUEUE, "--no-ack", "--count", "1000000000"],
                         env=lab.environment(QUEUE))
        for _ in range(2)
    ]
    try:
        process = Process(lab, [lab.ours("new_task"), "--file", "-", "--window", "1000"],
                          queue=QUEUE, stdin=subprocess.PIPE)
        marks = []
        for number in range(count // 1000):
            if number % (count // 10_000) == 0:
                marks.append(time.monotonic())
            process.process.stdin.write(piece)
        process.process.stdin.close()
        sample = process.finish(count, timeout=3600)
        marks.append(time.monotonic())
    finally:
        for drain in drains:
            drain.terminate()
            drain.wait()
    # Of ten parts the second against the last but one: the first holds the start and a full pipe.
    parts = [later - earlier for earlier, later in zip(marks, marks[1:])]
    sample.extra = {"of the first pace": parts[1] / parts[-2]}
    return sample


def rows(_quick: bool) -> list[Row]:
    unconfirmed = "no confirms"
    return [
        Row("bulk", "bulk, 16-byte tasks, window 1000", "tasks/s",
            [Contender("new_task --file", ours),
             Contender("frames made beforehand", frames, "the broker's own limit"),
             Contender("amiquip alone", amiquip, "nothing is read or told, no time limits"),
             Contender("lapin", lapin),
             Contender("pika", pika, "confirms one by one: its API has no window"),
             Contender("php-amqplib", php, "batches of 1000, not a window"),
             Contender("celery", celery, unconfirmed),
             Contender("amqp-publish -l", amqp_tools, f"{unconfirmed}, no declaration")],
            [Goal("tasks/s", ">=", 0.95, "frames made beforehand"),
             Goal("tasks/s", ">=", 0.95, "frames made beforehand", ours="amiquip alone"),
             Goal("tasks/s", ">=", 0.95, "amiquip alone"),
             Goal("tasks/s", ">=", 1.2, "lapin"), Goal("CPU", "<=", 0.4, "lapin"),
             Goal("tasks/s", ">=", 20, "pika"),
             Goal("tasks/s", ">=", 1.2, "lapin", ours="frames made beforehand"),
             Goal("tasks/s", ">=", 20, "pika", ours="frames made beforehand")]),
        Row("bulk-long", "bulk from a pipe, a million tasks, drained meanwhile", "tasks/s",
            [Contender("new_task --file -", endless)],
            [Goal("MiB", "<=", 32), Goal("of the first pace", ">=", 0.9)], rounds=1,
            note="with --long ten million"),
    ]
