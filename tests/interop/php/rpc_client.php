<?php

// A client as in the tutorial on RPC: it waits on an exclusive queue, whose name the broker chooses.
//
// AMQP_HOST, AMQP_PORT and TASK_QUEUE say where. The words are sent one after the other.

// php-amqplib as scripts/setup leaves it: from Composer, or as Debian's package.
$composer = __DIR__ . '/../../../target/php/vendor/autoload.php';
require_once is_file($composer) ? $composer : 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;

$queue = getenv('TASK_QUEUE') ?: 'rpc_queue';
$connection = new AMQPStreamConnection(
    getenv('AMQP_HOST') ?: 'localhost',
    getenv('AMQP_PORT') ?: 5672,
    'guest',
    'guest'
);
$channel = $connection->channel();
// passive, durable, exclusive, auto-delete
[$callbackQueue] = $channel->queue_declare('', false, false, true, false);
$response = null;
$correlationId = null;
$onResponse = function ($message) use (&$response, &$correlationId) {
    if ($message->get('correlation_id') === $correlationId) {
        $response = $message->body;
    }
};
// no-local, no-ack, exclusive, no-wait
$channel->basic_consume($callbackQueue, '', false, true, false, false, $onResponse);

foreach (array_slice($argv, 1) as $word) {
    echo " [x] Requesting fib($word)\n";
    $response = null;
    $correlationId = uniqid();
    $request = new AMQPMessage($word, [
        'correlation_id' => $correlationId,
        'reply_to' => $callbackQueue,
    ]);
    $channel->basic_publish($request, '', $queue);
    while ($response === null) {
        $channel->wait();
    }
    echo ' [.] Got ', intval($response), "\n";
}

$channel->close();
$connection->close();
