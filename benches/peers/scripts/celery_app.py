"""What Celery needs: an application with one task that does nothing."""

import os

from celery import Celery
from kombu import Queue

app = Celery("bench", broker=os.environ["AMQP_URL"].replace("amqp://", "pyamqp://"))
app.conf.update(
    task_default_queue=os.environ["TASK_QUEUE"],
    task_queues=[Queue(os.environ["TASK_QUEUE"], durable=True)],
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=int(os.environ.get("PREFETCH", "100")),
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
)


@app.task(name="nothing")
def nothing(_body):
    pass
