<?php

// php-amqplib's way to send N tasks, confirmed in batches.

$composer = __DIR__ . '/../../../target/php/vendor/autoload.php';
require_once is_file($composer) ? $composer : 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;

[, $count, $batch] = $argv;
$queue = getenv('TASK_QUEUE');
$connection = new AMQPStreamConnection(getenv('AMQP_HOST'), getenv('AMQP_PORT'), 'guest', 'guest');
$channel = $connection->channel();
$channel->queue_declare($queue, false, true, false, false);
$channel->confirm_select();
$task = new AMQPMessage('0123456789abcdef', ['delivery_mode' => AMQPMessage::DELIVERY_MODE_PERSISTENT]);
for ($number = 1; $number <= $count; $number++) {
    $channel->basic_publish($task, '', $queue, true);
    if ($number % $batch === 0) {
        $channel->wait_for_pending_acks_returns();
    }
}
$channel->wait_for_pending_acks_returns();
$connection->close();
