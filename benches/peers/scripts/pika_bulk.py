"""pika's way to send N tasks, confirmed: BlockingConnection waits for each."""

import os
import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.queue_declare(os.environ["TASK_QUEUE"], durable=True)
channel.confirm_delivery()
properties = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
for _ in range(int(sys.argv[1])):
    channel.basic_publish(
        "", os.environ["TASK_QUEUE"], b"0123456789abcdef", properties, mandatory=True
    )
connection.close()
