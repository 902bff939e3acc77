"""All rows, in the order of the table."""

from __future__ import annotations

from ..row import Row
from . import bulk, commands, consume, fair, idle, one, recovery, scale, wait


def all_rows(quick: bool) -> list[Row]:
    modules = [one, bulk, consume, commands, wait, fair, scale, idle, recovery]
    return [row for module in modules for row in module.rows(quick)]
