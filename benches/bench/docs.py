"""Writes runs to docs/benchmarks.md and their pictures. The words before the mark stay."""

from __future__ import annotations

from pathlib import Path

from . import picture, result, table

MARK = "<!-- What follows is written by scripts/bench --docs -->"


def all_runs(scratch: Path, run: dict) -> list[dict]:
    """This run, and the last whole ones on other series, the newest series first."""
    found = [result.read(path) for path in scratch.glob("full-*.json")]
    others = [other for other in found if result.series(other) != result.series(run)]
    return sorted([run, *others], key=number, reverse=True)


def number(run: dict) -> list[int]:
    return [int(part) for part in result.series(run).split(".")]


def write(root: Path, runs: list[dict]) -> None:
    page = root / "docs" / "benchmarks.md"
    words = page.read_text().split(MARK)[0].rstrip()
    parts = [words, MARK]
    if len(runs) > 1:
        parts.append(f"## On each version of RabbitMQ\n\n{table.compared(runs)}")
    parts += [section(run) for run in runs]
    page.write_text("\n\n".join(part.rstrip() for part in parts) + "\n")
    for run in runs:
        (root / "docs" / f"benchmarks-{result.series(run)}.svg").write_text(picture.draw(run))
    (root / "docs" / "benchmarks-summary.svg").write_text(picture.summary(runs[0]))


def section(run: dict) -> str:
    series = result.series(run)
    facts = "\n".join(f"- {name}: {value}" for name, value in run["machine"].items())
    how = (f"{run['rounds']} rounds, contenders in turn, {run['seconds'] / 60:.0f} minutes"
           + (", `--quick`" if run["quick"] else ""))
    return (f"## RabbitMQ {series}\n\n{facts}\n- run: {how}\n\n"
            f"![Bars for each row: ours in green, the peers in grey](benchmarks-{series}.svg)\n\n"
            f"{table.markdown(run)}")
