#!/usr/bin/env python3
"""A client as in the tutorial on RPC: it waits on an exclusive queue, whose name the broker chooses.

AMQP_HOST, AMQP_PORT and TASK_QUEUE say where. The words are sent one after the other.
"""

import os
import sys
import uuid

import pika

QUEUE = os.environ.get("TASK_QUEUE", "rpc_queue")


class RpcClient:
    def __init__(self):
        self.connection = pika.BlockingConnection(
            pika.ConnectionParameters(
                host=os.environ.get("AMQP_HOST", "localhost"),
                port=int(os.environ.get("AMQP_PORT", "5672")),
            )
        )
        self.channel = self.connection.channel()
        declared = self.channel.queue_declare(queue="", exclusive=True)
        self.callback_queue = declared.method.queue
        self.channel.basic_consume(
            queue=self.callback_queue,
            on_message_callback=self.on_response,
            auto_ack=True,
        )
        self.response = None
        self.correlation_id = None

    def on_response(self, channel, method, properties, body):
        if properties.correlation_id == self.correlation_id:
            self.response = body

    def call(self, request):
        self.response = None
        self.correlation_id = str(uuid.uuid4())
        self.channel.basic_publish(
            exchange="",
            routing_key=QUEUE,
            properties=pika.BasicProperties(
                reply_to=self.callback_queue,
                correlation_id=self.correlation_id,
            ),
            body=request,
        )
        while self.response is None:
            self.connection.process_data_events(time_limit=None)
        return int(self.response)


client = RpcClient()
for word in sys.argv[1:]:
    print(f" [x] Requesting fib({word})", flush=True)
    print(f" [.] Got {client.call(word)}", flush=True)
client.connection.close()
