//! What others push: remote write and OTLP.

use super::Shared;
use super::problem::Problem;
use crate::inbox::{Door, InboxError};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use plimsoll_exposition::Interest;
use plimsoll_exposition::push::{
    PushError, Pushed, otlp, otlp_json, remote_write_1, remote_write_2,
};
use std::io::Read;
use std::sync::Arc;

/// A tree of JSON takes many times its text.
const JSON_BYTES_MAX: usize = 8 << 20;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

const SAMPLES_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    RemoteWrite1,
    RemoteWrite2,
    Otlp,
    OtlpJson,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Snappy,
    Gzip,
}

/// Why a body wasn't taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Type(String),
    #[error("the body is longer than {0} bytes: send smaller ones, or raise limits.body")]
    Huge(usize),
    #[error("the body is not {0}: it is cut off, or something else")]
    Packing(&'static str),
    #[error("the body broke off")]
    Broken,
    #[error(transparent)]
    Body(#[from] PushError),
    #[error(transparent)]
    Inbox(#[from] InboxError),
    #[error("too many bodies at once: send it again")]
    Busy,
    #[error("reading the body ended early")]
    Reader,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Type(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Huge(_) | Self::Body(PushError::TooMany) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Packing(_) | Self::Broken | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Inbox(_) | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Reader => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// `POST /api/v1/write`: Prometheus remote write 1.0 and 2.0.
pub(super) async fn remote_write(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let taken = match remote_write_of(&headers) {
        Ok(how) => take(&shared, how, body, "remote write").await,
        Err(refused) => Err(refused),
    };
    let written =
        taken.as_ref().map(|pushed| (pushed.samples, pushed.histograms)).unwrap_or_default();
    let response = match taken {
        Ok(Pushed { malformed: 0, .. }) => StatusCode::NO_CONTENT.into_response(),
        Ok(Pushed { malformed, .. }) => {
            let detail = format!(
                "{malformed} series whose names or labels can't be were let go; the others are written"
            );
            Problem::bad_request(detail).into_response()
        }
        Err(refused) => problem(&refused),
    };
    let mut response = retry_later(response);
    for (name, count) in
        [(SAMPLES_WRITTEN, written.0), (HISTOGRAMS_WRITTEN, written.1), (EXEMPLARS_WRITTEN, 0)]
    {
        response.headers_mut().insert(name, HeaderValue::from(count));
    }
    response
}

/// `POST /v1/metrics`: OTLP over HTTP.
pub(super) async fn otlp_metrics(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (taken, is_json) = match otlp_of(&headers) {
        Ok(how) => (take(&shared, how, body, "OTLP").await, how.0 == Wire::OtlpJson),
        Err(refused) => (Err(refused), false),
    };
    let (status, rejected, message) = match &taken {
        Ok(pushed) if pushed.malformed == 0 => (StatusCode::OK, 0, String::new()),
        Ok(pushed) => {
            (StatusCode::OK, pushed.malformed, "labels that Prometheus wouldn't accept".to_owned())
        }
        Err(refused) => (refused.status(), 0, refused.to_string()),
    };
    let (kind, body) = match is_json {
        true => (JSON, json_answer(status, rejected, &message)),
        false => (PROTOBUF, protobuf_answer(status, rejected, &message)),
    };
    retry_later((status, [(CONTENT_TYPE, kind)], body).into_response())
}

/// `ExportMetricsServiceResponse`, or `google.rpc.Status` for what failed.
fn json_answer(status: StatusCode, rejected: u64, message: &str) -> Vec<u8> {
    let answer = match (status, rejected) {
        (StatusCode::OK, 0) => serde_json::json!({}),
        (StatusCode::OK, _) => serde_json::json!({
            "partialSuccess": { "rejectedDataPoints": rejected.to_string(), "errorMessage": message },
        }),
        _ => serde_json::json!({ "message": message }),
    };
    answer.to_string().into_bytes()
}

/// The same in Protocol Buffers: in both messages the text is field 2.
fn protobuf_answer(status: StatusCode, rejected: u64, message: &str) -> Vec<u8> {
    if message.is_empty() {
        return Vec::new();
    }
    let mut inner = Vec::new();
    if rejected > 0 {
        inner.push(1 << 3);
        varint(&mut inner, rejected);
    }
    inner.push((2 << 3) | 2);
    varint(&mut inner, message.len() as u64);
    inner.extend_from_slice(message.as_bytes());
    if status != StatusCode::OK {
        return inner;
    }
    let mut outer = vec![(1 << 3) | 2];
    varint(&mut outer, inner.len() as u64);
    outer.extend(inner);
    outer
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn problem(refused: &Refused) -> Response {
    Problem::new(refused.status(), refused.to_string()).into_response()
}

fn retry_later(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Reads a body and hands on what is of use in it.
async fn take(
    shared: &Shared,
    (wire, packing): (Wire, Packing),
    body: Body,
    via: &'static str,
) -> Result<Pushed, Refused> {
    let door = shared.inbox.door()?;
    let _permit = shared.inbox.permits.try_acquire().map_err(|_| Refused::Busy)?;
    let bytes_max = match wire {
        Wire::OtlpJson => door.body_bytes.min(JSON_BYTES_MAX),
        _ => door.body_bytes,
    };
    let bytes = to_bytes(body, bytes_max).await.map_err(|error| {
        let is_long = std::error::Error::source(&error)
            .is_some_and(|source| source.to_string().contains("length limit"));
        if is_long { Refused::Huge(bytes_max) } else { Refused::Broken }
    })?;
    let unpacked = match packing {
        Packing::Plain => bytes.len(),
        Packing::Snappy => snap::raw::decompress_len(&bytes).unwrap_or_default(),
        // Nothing says how long it will be.
        Packing::Gzip => bytes_max,
    };
    let _turn = shared.inbox.turn(unpacked, bytes_max).await;
    let Door { interest, .. } = door.clone();
    let reading = move || read(wire, packing, &bytes, bytes_max, &interest);
    let mut pushed = tokio::task::spawn_blocking(reading).await.map_err(|_| Refused::Reader)??;
    door.send(via, std::mem::take(&mut pushed.points), &shared.clock)?;
    Ok(pushed)
}

fn read(
    wire: Wire,
    packing: Packing,
    bytes: &Bytes,
    bytes_max: usize,
    interest: &Interest,
) -> Result<Pushed, Refused> {
    let unpacked;
    let body = match packing {
        Packing::Plain => bytes.as_ref(),
        Packing::Snappy => {
            unpacked = unsnap(bytes, bytes_max)?;
            unpacked.as_slice()
        }
        Packing::Gzip => {
            unpacked = gunzip(bytes, bytes_max)?;
            unpacked.as_slice()
        }
    };
    Ok(match wire {
        Wire::RemoteWrite1 => remote_write_1(body, interest)?,
        Wire::RemoteWrite2 => remote_write_2(body, interest)?,
        Wire::Otlp => otlp(body, interest)?,
        Wire::OtlpJson => otlp_json(body, interest)?,
    })
}

/// A body says itself how long it is, and is believed only within the bound.
fn unsnap(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refused> {
    let no_snappy = |_| Refused::Packing("snappy");
    if snap::raw::decompress_len(bytes).map_err(no_snappy)? > bytes_max {
        return Err(Refused::Huge(bytes_max));
    }
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(no_snappy)
}

fn gunzip(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, Refused> {
    let mut plain = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(bytes_max as u64 + 1);
    reader.read_to_end(&mut plain).map_err(|_| Refused::Packing("gzip"))?;
    if plain.len() > bytes_max { Err(Refused::Huge(bytes_max)) } else { Ok(plain) }
}

fn remote_write_of(headers: &HeaderMap) -> Result<(Wire, Packing), Refused> {
    let kind = text(headers, &CONTENT_TYPE);
    let (name, parameters) = kind.split_once(';').unwrap_or((&kind, ""));
    let message = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("proto="))
        .unwrap_or("prometheus.writerequest");
    let wire = match (name.trim(), message) {
        (PROTOBUF, "prometheus.writerequest") => Wire::RemoteWrite1,
        (PROTOBUF, "io.prometheus.write.v2.request") => Wire::RemoteWrite2,
        _ => {
            return Err(Refused::Type(format!(
                "{kind:?} isn't read here: send {PROTOBUF} with proto=prometheus.WriteRequest or \
                 proto=io.prometheus.write.v2.Request"
            )));
        }
    };
    match text(headers, &CONTENT_ENCODING).as_str() {
        "" | "snappy" => Ok((wire, Packing::Snappy)),
        other => Err(Refused::Type(format!("{other:?} isn't unpacked here: send snappy"))),
    }
}

fn otlp_of(headers: &HeaderMap) -> Result<(Wire, Packing), Refused> {
    let kind = text(headers, &CONTENT_TYPE);
    let wire = match kind.split(';').next().unwrap_or_default().trim() {
        PROTOBUF => Wire::Otlp,
        JSON => Wire::OtlpJson,
        _ => {
            return Err(Refused::Type(format!(
                "{kind:?} isn't read here: send {PROTOBUF} or {JSON}"
            )));
        }
    };
    match text(headers, &CONTENT_ENCODING).as_str() {
        "" | "identity" => Ok((wire, Packing::Plain)),
        "gzip" => Ok((wire, Packing::Gzip)),
        other => Err(Refused::Type(format!("{other:?} isn't unpacked here: send gzip"))),
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim().to_ascii_lowercase()
}
