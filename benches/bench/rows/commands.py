"""Tasks that run a command: `true`, or `cat` with the body on its stdin."""

from __future__ import annotations

from ..delay import DelayProxy
from ..lab import Lab
from ..measure import Sample, run
from ..row import Contender, Goal, Row

QUEUE = "bench-commands"


def count_of(lab: Lab) -> int:
    return lab.size(3000, 1000)


def ours(*options: str):
    def contender(lab: Lab) -> Sample:
        count = count_of(lab)
        lab.fill(QUEUE, count)
        return run(lab, [lab.ours("worker"), *words(count, *options)], count, queue=QUEUE)

    return contender


def far(*options: str):
    """The same with 20 ms each way to the broker."""
    def contender(lab: Lab) -> Sample:
        count = lab.size(20_000, 2000) if "-p 4 " not in options[0] else lab.size(1000, 200)
        lab.fill(QUEUE, count)
        with DelayProxy(lab.url, 0.02) as proxy:
            return run(lab, [lab.ours("worker"), *words(count, *options)], count, queue=QUEUE,
                       url=proxy.url)

    return contender


def words(count: int, *options: str) -> list[str]:
    """The arguments of a worker that ends after `count` tasks. With `--max-tasks` no task is taken ahead
    by itself, so where no number is given the worker ends with the queue."""
    before, _, command = " ".join(options).partition("-- ")
    end = ["--exit-when-empty"] if "-p " not in before else ["--max-tasks", str(count)]
    return [*before.split(), *end, "--", *command.split()]


def amqp_consume(prefetch: int):
    def contender(lab: Lab) -> Sample:
        count = count_of(lab)
        lab.fill(QUEUE, count)
        return run(lab, [lab.tool("amqp-consume"), "--url", lab.url, "-q", QUEUE, "-p",
                         str(prefetch), "-c", str(count), "cat"], count, queue=QUEUE)

    return contender


def bare_consuming(prefetch: int, threads: int, command: str):
    def contender(lab: Lab) -> Sample:
        count = count_of(lab)
        lab.fill(QUEUE, count)
        return run(lab, [lab.peers(), "bare-consume", "--queue", QUEUE, "--count", str(count),
                         "--prefetch", str(prefetch), "--threads", str(threads), "--",
                         lab.tool(command)], count, queue=QUEUE)

    return contender


def from_list(*command: str):
    """A tool that reads a list from stdin: no broker, and no task survives it."""
    def contender(lab: Lab) -> Sample:
        # GNU parallel is a Perl program: fewer will do.
        count = count_of(lab) // (4 if command[0] == "parallel" else 1)
        path = lab.scratch / "list"
        path.write_text("".join(f"{number}\n" for number in range(count)))
        with path.open() as lines:
            return run(lab, [lab.tool(command[0]), *command[1:]], count, queue=QUEUE, stdin=lines)

    return contender


def spawn(threads: int, command: str):
    def contender(lab: Lab) -> Sample:
        count = count_of(lab)
        return run(lab, [lab.peers(), "spawn", "--threads", str(threads), "--count", str(count),
                         "--", lab.tool(command)], count, queue=QUEUE)

    return contender


def rows(_quick: bool) -> list[Row]:
    no_broker = "no broker: nothing survives it"
    limit = "the kernel's own limit"
    both_limits = "the limit of broker and kernel"
    goal = "tasks/s", ">="
    made = [
        Row("cat-1", "worker with a command that reads its stdin, one slot", "tasks/s",
            [Contender("worker -p 100 -- cat", ours("-p 100 -- cat")),
             Contender("worker -- cat", ours("-- cat")),
             Contender("worker -p 1 -- cat", ours("-p 1 -- cat")),
             Contender("amqp-consume -p 100 cat", amqp_consume(100)),
             Contender("amqp-consume -p 1 cat", amqp_consume(1)),
             Contender("bare consuming, prefetch 100", bare_consuming(100, 1, "cat"), both_limits),
             Contender("bare consuming, prefetch 1", bare_consuming(1, 1, "cat"), both_limits)],
            [Goal(*goal, 1.1, "amqp-consume -p 100 cat"),
             Goal(*goal, 1.1, "amqp-consume -p 100 cat", ours="bare consuming, prefetch 100"),
             Goal(*goal, 0.95, "bare consuming, prefetch 100"),
             Goal(*goal, 1.0, "amqp-consume -p 100 cat", ours="worker -- cat"),
             Goal(*goal, 1.0, "amqp-consume -p 1 cat", ours="worker -p 1 -- cat"),
             Goal(*goal, 1.0, "amqp-consume -p 1 cat", ours="bare consuming, prefetch 1"),
             Goal(*goal, 0.95, "bare consuming, prefetch 1", ours="worker -p 1 -- cat")]),
        Row("cat-2", "worker with a command that reads its stdin, two slots", "tasks/s",
            [Contender("worker -j 2 -p 100 -- cat", ours("-j 2 -p 100 -- cat")),
             Contender("amqp-consume -p 100 cat", amqp_consume(100), "one task at a time")],
            [Goal("tasks/s", ">=", 1.2, "amqp-consume -p 100 cat")]),
    ]
    for slots in (1, 2):
        default, one = f"worker -j {slots} -- true", f"worker -j {slots} -p {slots} -- true"
        xargs, consuming = f"xargs -P {slots} -n 1 true", f"bare consuming, {slots} with prefetch 1"
        goals = [Goal(*goal, 1.2, xargs),
                 Goal(*goal, 0.8, f"bare spawning, {slots} thread(s)"),
                 Goal(*goal, 1.2, xargs, ours=default),
                 Goal(*goal, 1.2, xargs, ours=one),
                 Goal(*goal, 1.2, xargs, ours=consuming),
                 Goal(*goal, 0.95, consuming, ours=one)]
        made.append(
            Row(f"true-{slots}", f"worker with a command, {slots} slot(s)", "tasks/s",
                [Contender(f"worker -j {slots} -p 100 -- true", ours(f"-j {slots} -p 100 -- true")),
                 Contender(default, ours(f"-j {slots} -- true")),
                 Contender(one, ours(f"-j {slots} -p {slots} -- true")),
                 Contender(xargs, from_list("xargs", "-P", str(slots), "-n", "1", "true"), no_broker),
                 Contender(f"parallel -j {slots} true",
                           from_list("parallel", "-j", str(slots), "true"), no_broker),
                 Contender(consuming, bare_consuming(1, slots, "true"), both_limits),
                 Contender(f"bare spawning, {slots} thread(s)", spawn(slots, "true"), limit)],
                goals))
    made.append(
        Row("true-far", "worker with a command, 4 slots, 20 ms each way", "tasks/s",
            [Contender("worker -j 4 -- true", far("-j 4 -- true")),
             Contender("worker -j 4 -p 4 -- true", far("-j 4 -p 4 -- true")),
             Contender("worker -j 4 -p 300 -- true", far("-j 4 -p 300 -- true"))],
            [Goal("tasks/s", ">=", 15, "worker -j 4 -p 4 -- true"),
             Goal("tasks/s", ">=", 0.9, "worker -j 4 -p 300 -- true")], rounds=2))
    return made
