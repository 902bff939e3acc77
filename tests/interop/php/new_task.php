<?php

// The tutorial's producer in PHP: one persistent task into a durable queue.
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

$data = implode(' ', array_slice($argv, 1));
if ($data === '') {
    $data = 'Hello World!';
}
$task = new AMQPMessage($data, ['delivery_mode' => AMQPMessage::DELIVERY_MODE_PERSISTENT]);
$channel->basic_publish($task, '', $queue);
echo " [x] Sent $data\n";

$channel->close();
$connection->close();
