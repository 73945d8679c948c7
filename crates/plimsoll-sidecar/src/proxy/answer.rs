//! One request: let in or shed, passed on, and answered.

use super::exchange::{Exchange, Failure, Part};
use super::http::{Client, Next, Reply};
use super::recorded::Measured;
use super::request::{Refusal, Request};
use super::response::Asked;
use super::stall::{Awaited, Stall};
use super::thread::Thread;
use super::tunnel;
use super::upstream::Connection;

/// Passes a request on and its response back.
pub(crate) async fn answer(client: &mut Client, request: Request, thread: &Thread) -> Next {
    client.seat.wait_long();
    let Request { head, framing, method, keeps_alive, is_old, upgrades, trace } = request;
    let asked = Asked { is_head: method.is_head(), upgrades, keeps_alive, is_old };
    let signals = &thread.shared.signals;
    let Ok(permit) = signals.admit() else {
        let keeps_alive = keeps_alive && framing.is_done();
        return client.reply(Reply { keeps_alive, ..SHED.to(asked) }).await;
    };
    let measured = Measured::request(signals.clone(), permit, method, trace);
    let may_repeat = method.is_idempotent() && framing.is_done();
    let stall = Stall::new(thread.shared.timing);
    let mut exchange = Exchange::new(measured, asked, (head, framing), may_repeat, stall);
    match pass(client, &mut exchange, thread).await {
        Ok(Passed::Whole(next)) => {
            exchange.measured.close();
            next
        }
        Ok(Passed::Switched(connection, came)) => {
            let Exchange { measured, stall, .. } = exchange;
            tunnel::carry(client, (connection, came), measured, stall).await;
            Next::Close
        }
        Err(failure) if exchange.is_answered() => {
            // A whole response can't be had any more: only the end tells the client.
            match failure {
                Failure::ClientGone | Failure::Malformed => {}
                Failure::Target(_) => exchange.measured.fail(),
                Failure::Late(_) => exchange.measured.time_out(),
            }
            Next::Close
        }
        Err(failure) => refuse(client, exchange.measured, (asked, failure), thread).await,
    }
}

/// Says why a request that was let in has no response of the target's.
async fn refuse(
    client: &mut Client,
    mut measured: Measured,
    (asked, failure): (Asked, Failure),
    thread: &Thread,
) -> Next {
    match failure {
        Failure::ClientGone => Next::Close,
        Failure::Target(why) => {
            measured.responded(502);
            let next = client.reply(Reply { why, ..BAD_GATEWAY.to(asked) }).await;
            measured.fail();
            next
        }
        Failure::Late(awaited) => {
            let late = if awaited == Awaited::Request { REQUEST_LATE } else { TARGET_LATE };
            measured.responded(late.status);
            let next = client.reply(late.to(asked)).await;
            measured.time_out();
            next
        }
        Failure::Malformed => {
            measured.responded(400);
            let next = client.refuse(Refusal::Malformed(CHUNKS), thread).await;
            measured.close();
            next
        }
    }
}

const CHUNKS: &str = "its chunks aren't as RFC 9112 wants them";

const SHED: Reply<'static> = Reply {
    status: 503,
    phrase: "Service Unavailable",
    why: "the limit on requests in flight is reached",
    keeps_alive: false,
    is_head: false,
};

const BAD_GATEWAY: Reply<'static> =
    Reply { status: 502, phrase: "Bad Gateway", why: "", keeps_alive: false, is_head: false };

const REQUEST_LATE: Reply<'static> = Reply {
    status: 408,
    phrase: "Request Timeout",
    why: "the rest of the request didn't come in time",
    keeps_alive: false,
    is_head: false,
};

const TARGET_LATE: Reply<'static> = Reply {
    status: 504,
    phrase: "Gateway Timeout",
    why: "the target does nothing",
    keeps_alive: false,
    is_head: false,
};

impl Reply<'_> {
    fn to(self, asked: Asked) -> Self {
        Self { is_head: asked.is_head, ..self }
    }
}

/// What became of a request that was passed on.
enum Passed {
    Whole(Next),
    /// Another protocol follows; these bytes of it came already.
    Switched(Connection, Vec<u8>),
}

/// Passes a request on over a connection that was kept, or a new one.
async fn pass(
    client: &mut Client,
    exchange: &mut Exchange,
    thread: &Thread,
) -> Result<Passed, Failure> {
    let mut connection = match thread.upstream.kept() {
        Some(connection) => connection,
        None => connect(thread).await?,
    };
    loop {
        let part = exchange.run(client, &mut connection).await;
        match part {
            Ok(Part::Whole { keeps_target, next }) => {
                if keeps_target {
                    thread.upstream.keep(connection);
                }
                return Ok(Passed::Whole(next));
            }
            Ok(Part::Switched { came }) => return Ok(Passed::Switched(connection, came)),
            // The target closed a connection that it had kept as the request came: it hasn't seen it.
            Ok(Part::Unanswered) if connection.is_used && exchange.begin_again() => {
                connection = connect(thread).await?;
            }
            Ok(Part::Unanswered) => {
                return Err(Failure::Target("the target closed without an answer"));
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn connect(thread: &Thread) -> Result<Connection, Failure> {
    let connected = thread.upstream.connect().await;
    connected.map_err(|_| Failure::Target("the target takes no connection"))
}
