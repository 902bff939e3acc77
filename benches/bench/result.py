"""A run as plain data: what the table, the picture and the JSON file are made of."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from pathlib import Path

from .row import Goal, Row, figures, show


def of(rows: list[Row], machine: dict, rounds: int, quick: bool, seconds: float) -> dict:
    return {
        "machine": machine,
        "rounds": rounds,
        "quick": quick,
        "seconds": round(seconds),
        "rows": [row_of(row) for row in rows],
    }


def series(run: dict) -> str:
    """The broker's, such as `4.3`."""
    version = run["machine"]["broker"].split(" ")[1].rstrip(",")
    return ".".join(version.split(".")[:2])


def row_of(row: Row) -> dict:
    return {
        "key": row.key,
        "title": row.title,
        "note": row.note,
        "metric": row.metric,
        "contenders": [contender_of(row, index) for index in range(len(row.contenders))],
        "goals": [goal_of(row, goal) for goal in row.goals],
    }


def contender_of(row: Row, index: int) -> dict:
    contender = row.contenders[index]
    samples = row.samples.get(contender.name, [])
    values = figures(row.metric, samples)
    return {
        "name": contender.name,
        "lacks": contender.lacks,
        "left out": row.skipped.get(contender.name, ""),
        "median": statistics.median(values) if values else None,
        "shown": show(row.metric, samples, spread=True),
        "ratio": ratio_of(row, row.contenders[0].name, contender.name) if index else "",
        "CPU": show("CPU", samples),
        "MiB": show("MiB", samples),
        "samples": [asdict(sample) for sample in samples],
    }


def ratio_of(row: Row, ours: str, peer: str) -> str:
    return spread(row.ratios(Goal(row.metric, "<=", 1.0, peer, ours)))


def goal_of(row: Row, goal: Goal) -> dict:
    subject = goal.ours or row.contenders[0].name
    if goal.metric == row.metric or goal.peer is None:
        what = f"{subject}: " if goal.ours else ""
    else:
        what = ""
    unit = "" if goal.peer else f" {goal.metric}"
    against = f" × {goal.peer}" if goal.peer else ""
    if goal.peer and goal.metric != row.metric:
        against += f", {goal.metric}"
    return {
        "goal": f"{what}{'≤' if goal.sense == '<=' else '≥'} {goal.bound:g}{unit}{against}",
        "reached": spread(row.ratios(goal)),
        "met": row.verdict(goal),
    }


def spread(values: list[float]) -> str:
    if not values:
        return "–"
    text = f"{statistics.median(values):.3g}"
    if len(values) > 1:
        text += f" ({min(values):.3g}–{max(values):.3g})"
    return text


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def write(run: dict, path: Path) -> None:
    path.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n")
