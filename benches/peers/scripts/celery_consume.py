"""Celery's way to do N tasks that are nothing, acknowledged after the work."""

import sys
import time

from celery.signals import task_postrun
from celery.worker import state
from celery_app import app

count = int(sys.argv[1])
times = []


@task_postrun.connect
def done(**_):
    times.append(time.monotonic())
    if len(times) == count:
        state.should_stop = 0


app.conf.worker_prefetch_multiplier = int(sys.argv[2])
try:
    app.Worker(pool="solo", concurrency=1, loglevel="ERROR", without_gossip=True,
               without_mingle=True).start()
finally:
    # From the first to the last: Celery's start takes longer than a thousand tasks. (It sends
    # `sys.stdout` to its log.)
    print(len(times) - 1, times[-1] - times[0], file=sys.__stdout__)
