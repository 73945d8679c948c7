use crate::request::Measured;
use bytes::Buf;
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A response's body that keeps its request in flight until its last byte.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        // Empty once the last byte is out.
        measured: Option<Measured>,
        // What a server still has to send, where the response says so: it doesn't ask for more.
        remaining: Option<u64>,
        #[pin]
        inner: B,
    }
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn of(response: Response<B>, measured: Option<Measured>) -> Response<Self> {
        let (head, inner) = response.into_parts();
        let declared = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let remaining = declared.and_then(|length| length.parse().ok());
        let remaining = remaining.or_else(|| inner.size_hint().exact());
        let mut body = Self { measured, remaining, inner };
        let is_bodiless = body.measured.as_ref().is_some_and(Measured::is_bodiless);
        if is_bodiless || body.inner.is_end_stream() || body.remaining == Some(0) {
            close(&mut body.measured);
        }
        Response::from_parts(head, body)
    }
}

/// Ends the request as done.
fn close(measured: &mut Option<Measured>) {
    if let Some(mut measured) = measured.take() {
        measured.close();
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // The request is a local while the body runs, so that a panic drops it as it unwinds.
        let mut measured = this.measured.take();
        let polled = this.inner.as_mut().poll_frame(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => close(&mut measured),
            Poll::Ready(Some(Err(_))) => {
                if let Some(mut measured) = measured.take() {
                    measured.fail();
                }
            }
            Poll::Ready(Some(Ok(frame))) => {
                let sent = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                *this.remaining = this.remaining.map(|remaining| remaining.saturating_sub(sent));
                // A server may drop a body that it has sent whole without asking for its end.
                if this.inner.is_end_stream() || *this.remaining == Some(0) {
                    close(&mut measured);
                }
            }
        }
        *this.measured = measured;
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
