use crate::client::AccessError;
use reqwest::header::LOCATION;

/// So much of an answer is told.
const EXCERPT_CHARS: usize = 200;

/// Why a sink didn't take what it was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("{0}")]
    Http(String),
    #[error("answered {status}: {text}")]
    Refused { status: reqwest::StatusCode, text: String },
}

impl SendError {
    /// Says whether what was sent is at fault, so that a part of it may be taken.
    pub(super) fn is_about_content(&self) -> bool {
        use reqwest::StatusCode as Status;
        let about = [Status::BAD_REQUEST, Status::PAYLOAD_TOO_LARGE, Status::UNPROCESSABLE_ENTITY];
        matches!(self, Self::Refused { status, .. } if about.contains(status))
    }

    /// Passes a 2xx, and makes an error with the head of the text of anything else.
    pub(super) async fn unless_taken(mut answer: reqwest::Response) -> Result<(), Self> {
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        if let Some(to) = answer.headers().get(LOCATION).filter(|_| status.is_redirection()) {
            let to = excerpt(to.as_bytes());
            let text = format!("redirects aren't followed: write the address it leads to, {to}");
            return Err(Self::Refused { status, text });
        }
        let chunk = answer.chunk().await.ok().flatten().unwrap_or_default();
        Err(Self::Refused { status, text: excerpt(&chunk) })
    }
}

fn excerpt(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim().chars().take(EXCERPT_CHARS).collect()
}
