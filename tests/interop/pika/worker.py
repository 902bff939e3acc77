#!/usr/bin/env python3
"""The tutorial's worker in Python: a second of work per dot, then the ack.

AMQP_HOST, AMQP_PORT and TASK_QUEUE say where; TASK_QUEUE_TYPE=quorum declares
the queue as the tutorial has done since March 2026.
"""

import os
import sys
import time

import pika

QUEUE = os.environ.get("TASK_QUEUE", "task_queue")
QUEUE_TYPE = os.environ.get("TASK_QUEUE_TYPE")


def callback(channel, method, _properties, body):
    print(f" [x] Received {body.decode()}", flush=True)
    time.sleep(body.count(b"."))
    print(" [x] Done", flush=True)
    channel.basic_ack(delivery_tag=method.delivery_tag)


def main():
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
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(queue=QUEUE, on_message_callback=callback)
    print(" [*] Waiting for messages. To exit press CTRL+C", flush=True)
    channel.start_consuming()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
