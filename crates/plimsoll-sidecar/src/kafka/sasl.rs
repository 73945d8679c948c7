//! Logging in: by password, or by proof of it (SCRAM, RFC 5802).

use super::link::{Api, Link};
use super::wire::Writer;
use crate::Reason;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// How a user shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

const HANDSHAKE: Api = Api { key: 17, version: 1, is_flexible: false };
const AUTHENTICATE: Api = Api { key: 36, version: 0, is_flexible: false };

/// More rounds than this are an attack on whoever logs in.
const ROUNDS_MAX: u32 = 1_000_000;

impl Mechanism {
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("plain", Self::Plain),
        ("scram-sha-256", Self::ScramSha256),
        ("scram-sha-512", Self::ScramSha512),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

pub(super) async fn log_in(
    link: &mut Link,
    mechanism: Mechanism,
    user: &str,
    password: &str,
) -> Result<(), Reason> {
    let mut request = Writer::default();
    request.string(mechanism.name());
    let read = link.ask(HANDSHAKE, &request, |answer| {
        Ok((answer.i16()?, answer.array(|mechanism| mechanism.string())?))
    });
    let (code, offered) = read.await?;
    if code != 0 {
        let offered = offered.join(", ");
        let name = mechanism.name();
        return Err(link.reason(format_args!("it doesn't take {name} but: {offered}")));
    }
    match mechanism {
        Mechanism::Plain => {
            say(link, format!("\0{user}\0{password}").as_bytes()).await?;
            Ok(())
        }
        scram => prove(link, &Scram::new(scram, user, password)?).await,
    }
}

async fn prove(link: &mut Link, scram: &Scram) -> Result<(), Reason> {
    let first = say(link, format!("n,,{}", scram.first).as_bytes()).await?;
    let malformed = || Reason::new("the broker's part of SCRAM is malformed");
    let first = String::from_utf8(first).map_err(|_| malformed())?;
    let answer = scram.answer(&first).ok_or_else(malformed)?;
    let verdict = say(link, answer.last.as_bytes()).await?;
    let verdict = verdict.strip_prefix(b"v=").and_then(|proof| STANDARD.decode(proof).ok());
    if verdict.is_some_and(|proof| answer.is_proven_by(&proof)) {
        return Ok(());
    }
    Err(link.reason("it doesn't know the password either: it may be another than it says"))
}

async fn say(link: &mut Link, bytes: &[u8]) -> Result<Vec<u8>, Reason> {
    let mut request = Writer::default();
    request.bytes(bytes);
    let read = link.ask(AUTHENTICATE, &request, |answer| {
        Ok((answer.i16()?, answer.string()?, answer.bytes()?.to_vec()))
    });
    match read.await? {
        (0, _, answer) => Ok(answer),
        _ => Err(link.reason("it refuses this user: check the name and the password file")),
    }
}

/// The client's side of one exchange.
struct Scram {
    hash: hmac::Algorithm,
    rounds: pbkdf2::Algorithm,
    password: String,
    nonce: String,
    /// What is said first, without the part that says that no channel is bound.
    first: String,
}

/// What answers the server's first words.
struct Answer {
    last: String,
    /// What the server signs, to prove that it knows the password as well.
    said: String,
    server: hmac::Key,
}

impl Answer {
    fn is_proven_by(&self, proof: &[u8]) -> bool {
        hmac::verify(&self.server, self.said.as_bytes(), proof).is_ok()
    }
}

impl Scram {
    fn new(mechanism: Mechanism, user: &str, password: &str) -> Result<Self, Reason> {
        let mut random = [0; 24];
        let filled = ring::rand::SystemRandom::new().fill(&mut random);
        filled.map_err(|_| Reason::new("this system gives no random numbers"))?;
        Ok(Self::with_nonce(mechanism, user, password, STANDARD.encode(random)))
    }

    fn with_nonce(mechanism: Mechanism, user: &str, password: &str, nonce: String) -> Self {
        let (hash, rounds) = match mechanism {
            Mechanism::ScramSha512 => (hmac::HMAC_SHA512, pbkdf2::PBKDF2_HMAC_SHA512),
            _ => (hmac::HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256),
        };
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        Self { hash, rounds, password: password.to_owned(), nonce, first }
    }

    /// Answers the server's first words, if they are in order.
    fn answer(&self, server: &str) -> Option<Answer> {
        let part = |name: &str| server.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = part("r=").filter(|nonce| nonce.starts_with(&self.nonce))?;
        let salt = STANDARD.decode(part("s=")?).ok()?;
        let rounds = part("i=")?.parse().ok().filter(|rounds| *rounds <= ROUNDS_MAX)?;
        let rounds = NonZeroU32::new(rounds)?;
        let algorithm = self.hash.digest_algorithm();
        let mut salted = vec![0; algorithm.output_len()];
        pbkdf2::derive(self.rounds, rounds, &salt, self.password.as_bytes(), &mut salted);
        let salted = hmac::Key::new(self.hash, &salted);
        let client = hmac::sign(&salted, b"Client Key");
        let stored = digest::digest(algorithm, client.as_ref());
        let last = format!("c=biws,r={nonce}");
        let said = format!("{},{server},{last}", self.first);
        let signature = hmac::sign(&hmac::Key::new(self.hash, stored.as_ref()), said.as_bytes());
        let bytes = client.as_ref().iter().zip(signature.as_ref());
        let proof: Vec<u8> = bytes.map(|(client, signature)| client ^ signature).collect();
        let server = hmac::sign(&salted, b"Server Key");
        let server = hmac::Key::new(self.hash, server.as_ref());
        Some(Answer { last: format!("{last},p={}", STANDARD.encode(proof)), said, server })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_that_of_the_standard() {
        // The example of RFC 7677, section 3.
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        let scram = Scram::with_nonce(Mechanism::ScramSha256, "user", "pencil", nonce);
        assert_eq!(scram.first, "n=user,r=rOprNGfwEbeRWgbNEkqO");
        let server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                      s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.answer(server).unwrap();
        assert_eq!(
            answer.last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let proof = STANDARD.decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(answer.is_proven_by(&proof) && !answer.is_proven_by(b"another"));
    }

    #[test]
    fn a_server_that_makes_up_its_part_gets_no_proof() {
        let scram = Scram::with_nonce(Mechanism::ScramSha256, "user", "pencil", "abc".into());
        for server in ["", "r=other,s=,i=1", "r=abcd,s=W22Z,i=0", "r=abcd,s=W22Z,i=4000000000"] {
            assert!(scram.answer(server).is_none(), "{server}");
        }
    }
}
