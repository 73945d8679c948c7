//! The truth of a run, as those know it who took part: the load generator and the processes themselves.

use super::part::Wire;
use crate::answers::{Answered, Answers};
use plimsoll_plain::{Billed, Waited};
use serde::Serialize;

/// What is known apart from anything that the sidecar saw.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Truth {
    /// What the load generator counted of authorisations.
    pub(super) authorize: Answered,
    /// What it counted of orders, the partner's included.
    pub(super) orders: Answered,
    /// What the service knows of its ledger; none if it doesn't answer.
    pub(super) ledger: Option<Waited>,
    /// What billing knows of its invoices; none without Redis.
    pub(super) billing: Option<Billed>,
}

/// Those who know the truth; clones are the same.
#[derive(Clone)]
pub(super) struct Witnesses {
    pub(super) authorize: Answers,
    pub(super) orders: Answers,
    pub(super) checkout: Wire,
    pub(super) billing: Option<Wire>,
}

impl Witnesses {
    /// Asks all of them.
    pub(super) async fn tell(&self) -> Truth {
        let billing = match &self.billing {
            Some(billing) => billing.ask().await,
            None => None,
        };
        Truth {
            authorize: self.authorize.so_far(),
            orders: self.orders.so_far(),
            ledger: self.checkout.ask().await,
            billing,
        }
    }
}
