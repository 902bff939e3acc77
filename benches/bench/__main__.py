"""Runs the rows in rounds, and tells the result as a table, as JSON and as a picture."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from . import docs, facts, picture, result, table
from .lab import Lab
from .rows import all_rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=(
        "Compares new_task and worker with their peers on one broker, in several rounds, and prints "
        "the table. JSON and a picture go to target/bench/."))
    parser.add_argument("--quick", action="store_true", help="about two minutes: one small round")
    parser.add_argument("--long", action="store_true", help="ten million tasks in the long bulk")
    parser.add_argument("--rounds", type=int, help="how many rounds [default: 4, with --quick 1]")
    parser.add_argument("--only", action="append", metavar="ROW", default=[],
                        help="only rows whose key begins so; may be repeated")
    parser.add_argument("--list", action="store_true", help="show the rows' keys, then end")
    parser.add_argument("--docs", action="store_true",
                        help="write this run, and the last ones of other series, to docs/benchmarks.md")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the run to FILE, too")
    args = parser.parse_args()

    rows = [row for row in all_rows(args.quick)
            if not args.only or any(row.key.startswith(only) for only in args.only)]
    if args.list or not rows:
        for row in rows or all_rows(args.quick):
            print(f"{row.key:12} {row.title}")
        return 0 if args.list else 2

    lab = Lab(Path(__file__).resolve().parents[2], os.environ["AMQP_URL"], args.quick, args.long)
    begun, ticks = time.monotonic(), facts.ticks()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {text}", file=sys.stderr, flush=True)

    rounds = args.rounds or (1 if args.quick else 4)
    for number in range(rounds):
        for row in rows:
            row.round(lab, number, tell)
    machine = facts.describe(lab) | facts.busy(ticks)
    run = result.of(rows, machine, rounds, args.quick, time.monotonic() - begun)
    stem = lab.scratch / f"{'quick' if args.quick else 'full'}-{result.series(run)}"
    for path in [Path(f"{stem}.json"), *filter(None, [args.json])]:
        result.write(run, path)
    Path(f"{stem}.svg").write_text(picture.draw(run))
    print(table.markdown(run))
    if args.docs:
        docs.write(lab.root, docs.all_runs(lab.scratch, run))
    return 0


if __name__ == "__main__":
    sys.exit(main())
