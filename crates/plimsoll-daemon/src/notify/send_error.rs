use crate::client::AccessError;

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
    /// Passes a 2xx, and makes an error with the head of the text of anything else.
    pub(super) async fn unless_taken(mut answer: reqwest::Response) -> Result<(), Self> {
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let chunk = answer.chunk().await.ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&chunk).chars().take(200).collect();
        Err(Self::Refused { status, text })
    }
}
