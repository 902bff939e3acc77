"""A run as tables in Markdown."""

from __future__ import annotations

from .result import series


def markdown(run: dict) -> str:
    parts = [goals(run)]
    parts += [row_table(row) for row in run["rows"]]
    return "\n".join(parts)


def goals(run: dict) -> str:
    lines = ["| what | goal | reached: median (least–most) of the rounds | |", "| --- | --- | --- | --- |"]
    for row in run["rows"]:
        for number, goal in enumerate(row["goals"]):
            title = row["title"] if number == 0 else ""
            mark = {True: "yes", False: "**no**", None: "not measured"}[goal["met"]]
            lines.append(f"| {title} | {goal['goal']} | {goal['reached']} | {mark} |")
    return "\n".join(lines) + "\n"


def compared(runs: list[dict]) -> str:
    """Our own figures, and what each peer's goal came to, on each series."""
    lines = ["| what | " + " | ".join(f"RabbitMQ {series(run)}" for run in runs) + " |",
             "| --- |" + " --- |" * len(runs)]
    for row in runs[0]["rows"]:
        rows = [found(run, row["key"]) for run in runs]
        lines.append(f"| {row['title']} | "
                     + " | ".join(other["contenders"][0]["shown"] if other else "–" for other in rows)
                     + " |")
        for goal in row["goals"]:
            reached = [next((g["reached"] for g in (other or {}).get("goals", [])
                             if g["goal"] == goal["goal"]), "–") for other in rows]
            lines.append(f"| … {goal['goal']} | " + " | ".join(reached) + " |")
    return "\n".join(lines) + "\n"


def found(run: dict, key: str) -> dict | None:
    return next((row for row in run["rows"] if row["key"] == key), None)


def row_table(row: dict) -> str:
    lines = [f"### {row['title']}", ""]
    lines += [f"| | {row['metric']} | ours ÷ this | client CPU per task | peak memory | lacks |",
              "| --- | --- | --- | --- | --- | --- |"]
    notes = [f"{row['note'][0].upper()}{row['note'][1:]}."] if row["note"] else []
    for contender in row["contenders"]:
        extras = [extra for sample in contender["samples"] if (extra := sample["extra"])]
        if extras:
            told = ", ".join(f"{name}: {value:.3g}" if value < 1000 else f"{name}: {value:,.0f}"
                             for name, value in extras[-1].items())
            notes.append(f"{contender['name']}: {told}.")
        if contender["left out"]:
            notes.append(f"{contender['name']} was left out: {contender['left out']}.")
        lines.append(f"| {contender['name']} | {contender['shown']} | {contender['ratio']} | "
                     f"{contender['CPU']} | {contender['MiB']} | {contender['lacks']} |")
    return "\n".join(lines + ([""] + notes if notes else [])) + "\n"
