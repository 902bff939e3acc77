"""Publishes to a queue and asks it for a task, through one node, until that works.

Usage: control.py PORT QUEUE NAME DELAY_QUEUE

Prints `tried ID` before each publish and `confirmed ID` after its confirm. The last task goes to the
delay queue, once. Whatever hangs is given up after ten seconds and begun anew.
"""

import signal
import sys
import time

import pika

port, queue, name, delay_queue = sys.argv[1:]


def give_up(_signal, _frame):
    raise TimeoutError("no answer in ten seconds")


def publish(channel, to, task):
    print("tried", task, flush=True)
    properties = pika.BasicProperties(delivery_mode=2)
    channel.basic_publish("", to, task.encode(), properties, mandatory=True)
    print("confirmed", task, flush=True)


def attempt(number):
    parameters = pika.ConnectionParameters("127.0.0.1", int(port), socket_timeout=3, stack_timeout=5)
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.confirm_delivery()
    publish(channel, queue, f"{name}-{number}-quick")
    method, _, _ = channel.basic_get(queue)
    if method:
        channel.basic_nack(method.delivery_tag)
    print("goes on", flush=True)
    publish(channel, delay_queue, f"{name}-delayed-quick")
    connection.close()


signal.signal(signal.SIGALRM, give_up)
for number in range(1, 1000):
    signal.alarm(10)
    try:
        attempt(number)
        break
    except Exception as error:  # whatever it is, the next attempt may succeed
        print("failed", repr(error), flush=True)
    signal.alarm(0)
    time.sleep(0.2)
