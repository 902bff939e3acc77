"""pika's way to take N tasks and acknowledge each."""

import os
import sys

import pika

count, prefetch = int(sys.argv[1]), int(sys.argv[2])
connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.queue_declare(os.environ["TASK_QUEUE"], durable=True)
channel.basic_qos(prefetch_count=prefetch)
done = 0


def callback(channel, method, _properties, _body):
    global done
    channel.basic_ack(method.delivery_tag)
    done += 1
    if done == count:
        channel.stop_consuming()


channel.basic_consume(os.environ["TASK_QUEUE"], callback)
channel.start_consuming()
connection.close()
