<?php

// The tutorial's worker in PHP: a second of work per dot, then the ack.
//
// AMQP_HOST, AMQP_PORT and TASK_QUEUE say where; TASK_QUEUE_TYPE=quorum
// declares the queue as the tutorial has done since March 2026.

// php-amqplib as scripts/setup leaves it: from Composer, or as Debian's package.
$composer = __DIR__ . '/../../../target/php/vendor/autoload.php';
require_once is_file($composer) ? $composer : 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

$queue = getenv('TASK_QUEUE') ?: 'task_queue';
$queueType = getenv('TASK_QUEUE_TYPE');
$arguments = $queueType ? new AMQPTable(['x-queue-type' => $queueType]) : [];

$connection = new AMQPStreamConnection(
    getenv('AMQP_HOST') ?: 'localhost',
    getenv('AMQP_PORT') ?: 5672,
    'guest',
    'guest'
);
$channel = $connection->channel();
// passive, durable, exclusive, auto-delete, no-wait
$channel->queue_declare($queue, false, true, false, false, false, $arguments);

$callback = function (AMQPMessage $task): void {
    echo ' [x] Received ', $task->getBody(), "\n";
    sleep(substr_count($task->getBody(), '.'));
    echo " [x] Done\n";
    $task->ack();
};

// One unacknowledged task at a time: the next goes to whoever is free.
$channel->basic_qos(0, 1, false);
// consumer tag, no-local, no-ack, exclusive, no-wait
$channel->basic_consume($queue, '', false, false, false, false, $callback);

echo " [*] Waiting for messages. To exit press CTRL+C\n";
$channel->consume();
