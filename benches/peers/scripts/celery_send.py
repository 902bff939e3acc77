"""Celery's way to send N tasks."""

import sys

from celery_app import nothing

for _ in range(int(sys.argv[1])):
    nothing.delay("0123456789abcdef")
