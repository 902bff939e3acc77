"""One task: a process that starts, sends, and ends."""

from __future__ import annotations

from ..delay import DelayProxy
from ..lab import Lab
from ..measure import Sample, run
from ..row import Contender, Goal, Row

QUEUE = "bench-one"
DELAY = 0.020  # seconds, each way

LIMIT = "frames made beforehand"
LIBRARY = "amiquip alone"
NO_CONFIRM = "no confirm, not mandatory"


def commands(lab: Lab, name: str) -> list[str]:
    return {
        "new_task": lambda: [lab.ours("new_task"), "0123456789abcdef"],
        LIMIT: lambda: [lab.peers(), "frames", "--queue", QUEUE, "--count", "1"],
        LIBRARY: lambda: [lab.peers(), "publish-amiquip", "--queue", QUEUE, "--count", "1"],
        "amqp-publish": lambda: [lab.tool("amqp-publish"), "-p", "-r", QUEUE, "-b", "0123456789abcdef"],
        "pika": lambda: [lab.python(), lab.script("tests/interop/pika/new_task.py"), "0123456789abcdef"],
        "php-amqplib": lambda: [lab.tool("php"), lab.script("tests/interop/php/new_task.php"),
                                "0123456789abcdef"],
        "celery": lambda: [lab.python(), lab.script("benches/peers/scripts/celery_send.py"), "1"],
    }[name]()


def send(name: str, full: int, quick: int):
    def contender(lab: Lab) -> Sample:
        repeat = lab.size(full, quick)
        lab.empty(QUEUE)
        command = commands(lab, name)
        if name == "amqp-publish":
            command += ["--url", lab.url]
        sample = run(lab, command, repeat, repeat=repeat, queue=QUEUE)
        return sample

    return contender


def send_far(name: str):
    def contender(lab: Lab) -> Sample:
        repeat = 2
        lab.empty(QUEUE)
        with DelayProxy(lab.url, DELAY) as proxy:
            command = commands(lab, name)
            if name == "amqp-publish":
                command += ["--url", proxy.url]
            sample = run(lab, command, repeat, repeat=repeat, queue=QUEUE, url=proxy.url)
        sample.extra = {"round trips": sample.seconds / repeat / (2 * DELAY)}
        return sample

    return contender


def rows(_quick: bool) -> list[Row]:
    lacks = {
        LIMIT: "nothing: declared and confirmed; no options, no errors told, no TLS",
        LIBRARY: "no options, no time limits, no signals, no errors told",
        "amqp-publish": f"{NO_CONFIRM}, no declaration",
        "pika": NO_CONFIRM,
        "php-amqplib": NO_CONFIRM,
        "celery": NO_CONFIRM,
    }
    sizes = {"new_task": (100, 50), LIMIT: (100, 50), LIBRARY: (100, 50),
             "amqp-publish": (100, 50), "pika": (10, 4),
             "php-amqplib": (20, 10), "celery": (3, 2)}
    near = [Contender(name, send(name, *sizes[name]), lacks.get(name, "")) for name in sizes]
    far = [Contender(name, send_far(name), lacks.get(name, "")) for name in sizes]
    peers = [name for name in sizes if name not in {"new_task", LIMIT, LIBRARY}]
    return [
        Row("one", "one task, loopback", "ms", near,
            [Goal("ms", "<=", 1.0, "amqp-publish"),
             Goal("ms", "<=", 1.0, "amqp-publish", ours=LIMIT),
             Goal("ms", "<=", 1.0, "amqp-publish", ours=LIBRARY), Goal("ms", "<=", 1.05, LIBRARY),
             Goal("ms", "<=", 0.1, "pika")]),
        Row("one-far", "one task, 20 ms each way", "ms", far,
            [Goal("round trips", "<=", 1.0, peer) for peer in peers], rounds=2,
            note="round trips: the time divided by 40 ms"),
    ]
