#!/usr/bin/env python3
"""A producer with a trace: the tutorial's, and the headers that OpenTelemetry's propagators set.

AMQP_HOST, AMQP_PORT and TASK_QUEUE say where, TRACEPARENT, TRACESTATE and BAGGAGE which trace.
"""

import os
import sys

import pika

connection = pika.BlockingConnection(
    pika.ConnectionParameters(host=os.environ["AMQP_HOST"], port=int(os.environ["AMQP_PORT"]))
)
names = ["traceparent", "tracestate", "baggage"]
connection.channel().basic_publish(
    exchange="",
    routing_key=os.environ["TASK_QUEUE"],
    body=" ".join(sys.argv[1:]),
    properties=pika.BasicProperties(
        delivery_mode=pika.DeliveryMode.Persistent,
        headers={name: os.environ[name.upper()] for name in names},
    ),
)
connection.close()
