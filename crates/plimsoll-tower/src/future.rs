use crate::ResponseBody;
use crate::request::Measured;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The future of [`Concurrency`](crate::Concurrency).
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        // Empty once the response has it.
        measured: Option<Measured>,
        #[pin]
        inner: F,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(measured: Measured, inner: F) -> Self {
        Self { measured: Some(measured), inner }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // The request is a local while the service runs, so that a panic drops it as it unwinds.
        let mut measured = this.measured.take();
        let Poll::Ready(result) = this.inner.poll(context) else {
            *this.measured = measured;
            return Poll::Pending;
        };
        if let Some(measured) = &mut measured {
            match &result {
                Ok(response) => measured.responded(response.status()),
                Err(_) => measured.fail(),
            }
        }
        Poll::Ready(result.map(|response| ResponseBody::of(response, measured)))
    }
}
