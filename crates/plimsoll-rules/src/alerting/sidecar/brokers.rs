//! Alerts about brokers and their consumers, beside those on lag that every consumer has.

use super::gauge;
use crate::alerting::signals::cause;
use crate::rule::Alert;
use plimsoll_model::catalog;

/// How old a message may be that a consumer has in hand.
const UNACKNOWLEDGED_S_MAX: u32 = 300;

pub(super) fn alerts() -> Vec<Alert> {
    vec![consumer_stopped(), messages_unacknowledged(), messages_expired(), publishers_blocked()]
}

/// The collector has watched it stand still for a minute already.
fn consumer_stopped() -> Alert {
    let stopped = format!("{}{{status=\"stopped\"}}", gauge(&catalog::CONSUMER_STATUS));
    cause("ConcurrencyConsumerStopped", format!("{stopped} == 1")).pending_for("2m").says(
        "Messages wait for a consumer that isn't there.",
        "Nobody consumes {{ $labels.topic }}, partition {{ $labels.partition }}, for group \
         {{ $labels.group }}, and messages wait ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

fn messages_unacknowledged() -> Alert {
    let age = gauge(&catalog::REDIS_PENDING_OLDEST_AGE);
    cause("ConcurrencyMessagesUnacknowledged", format!("{age} > {UNACKNOWLEDGED_S_MAX}"))
        .pending_for("5m")
        .says(
            "A consumer has old messages in hand and doesn't acknowledge them.",
            "The oldest message of {{ $labels.topic }} that group {{ $labels.group }} has in hand is \
             {{ $value | humanizeDuration }} old ({{ $labels.server }}, {{ $labels.job }}, \
             {{ $labels.instance }}).",
        )
}

fn messages_expired() -> Alert {
    let expired = gauge(&catalog::CONSUMER_EXPIRED);
    cause("ConcurrencyMessagesExpired", format!("{expired} > 0")).says(
        "Messages were deleted before their consumer had read them.",
        "{{ $value | humanize }} messages of {{ $labels.topic }}, partition {{ $labels.partition }}, went \
         before group {{ $labels.group }} read them ({{ $labels.job }}, {{ $labels.instance }}).",
    )
}

/// `flow` is how RabbitMQ slows a publisher each day; these are stopped.
fn publishers_blocked() -> Alert {
    let connections = gauge(&catalog::RABBITMQ_CONNECTIONS);
    let blocked = format!("{connections}{{state=~\"blocking|blocked\"}} > 0");
    cause("ConcurrencyPublishersBlocked", blocked).pending_for("1m").says(
        "The broker is short of memory or disk and lets nobody publish.",
        "{{ $value | humanize }} connections are {{ $labels.state }} ({{ $labels.job }}, \
         {{ $labels.instance }}).",
    )
}
