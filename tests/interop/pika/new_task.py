#!/usr/bin/env python3
"""The tutorial's producer in Python: one persistent task into a durable queue.

AMQP_HOST, AMQP_PORT and TASK_QUEUE say where; TASK_QUEUE_TYPE=quorum declares
the queue as the tutorial has done since March 2026.
"""

import os
import sys

import pika

QUEUE = os.environ.get("TASK_QUEUE", "task_queue")
QUEUE_TYPE = os.environ.get("TASK_QUEUE_TYPE")

connection = pika.BlockingConnection(
    pika.ConnectionParameters(
        host=os.environ.get("AMQP_HOST", "localhost"),
        port=int(os.environ.get("AMQP_PORT", "5672")),
    )
)
channel = connection.channel()
channel.queue_declare(
    queue=QUEUE,
    durable=True,
    arguments={"x-queue-type": QUEUE_TYPE} if QUEUE_TYPE else None,
)

message = " ".join(sys.argv[1:]) or "Hello World!"
channel.basic_publish(
    exchange="",
    routing_key=QUEUE,
    body=message,
    properties=pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent),
)
print(f" [x] Sent {message}", flush=True)
connection.close()
