//! What the documentation tells receivers of webhooks to do, done with what the daemon sends.

use crate::sink::Sink;
use crate::target::{Manner, Target};
use crate::world::{Folder, Running, config, slos};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

const PAGE: &str = include_str!("../../../../docs/daemon.md");

// The same text as in the documentation: the test below holds one against the other.
include!("verify.rs");

/// Returns the one code block of a language.
fn block(language: &str) -> &'static str {
    let (_, after) = PAGE.split_once(&format!("```{language}\n")).expect("a block");
    after.split_once("```").expect("its end").0
}

fn in_python(secret: &str, (timestamp, signature): (&str, &str), body: &[u8]) -> bool {
    let script = format!(
        "{}\nimport sys\nheaders = {{'x-plimsoll-timestamp': sys.argv[2], 'x-plimsoll-signature-256': sys.argv[3]}}\n\
         print(verify(sys.argv[1].encode(), headers, sys.stdin.buffer.read()))\n",
        block("python")
    );
    let mut child = Command::new("python3")
        .args(["-c", &script, secret, timestamp, signature])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    child.stdin.take().expect("piped").write_all(body).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    output.stdout == b"True\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_checks_take_what_is_sent_and_nothing_else() {
    assert_eq!(block("rust"), include_str!("verify.rs"), "docs/daemon.md shows what is tested");
    let (folder, target) = (Folder::new(), Target::start(Manner::Good).await);
    let webhook = Sink::start("/hook").await;
    folder.write("secret", "a shared secret\n");
    folder.write("slo.yml", &slos(&["checkout"]));
    let more = format!(
        "alerting: {{webhooks: [{{url: 'http://{}/hook', secret_file: secret}}]}}\n",
        webhook.address
    );
    folder.write("plimsoll.yml", &config(&[("checkout", target.address)], &more));
    let daemon = Running::start(folder.config());
    let path = "/api/v1/slos/shop%2Fcheckout";
    daemon.until(path, |slo| slo["counts"]["good"].as_u64() > Some(100)).await;
    target.failing.store(true, Ordering::SeqCst);
    let (_, message) = webhook.alert(|alert| alert["labels"]["alertname"] == "SloPage").await;
    let header = |name: &str| message.headers[name].to_str().expect("text");
    let (at, signature) = (header("x-plimsoll-timestamp"), header("x-plimsoll-signature-256"));
    let now_s: u64 = at.parse().expect("seconds");
    let other_body = [&message.body[..], b" "].concat();
    for (secret, body, is_genuine) in [
        ("a shared secret", &message.body[..], true),
        ("another secret", &message.body[..], false),
        ("a shared secret", &other_body[..], false),
    ] {
        let verified = verify(secret.as_bytes(), at, signature, body, now_s);
        assert_eq!(verified, is_genuine, "{secret}");
        assert_eq!(in_python(secret, (at, signature), body), is_genuine, "{secret}");
    }
    let late = now_s + 301;
    let is_genuine = |at: &str, signature: &str, now_s| {
        verify(b"a shared secret", at, signature, &message.body, now_s)
    };
    assert!(!is_genuine(at, signature, late), "somebody sends it again");
    for (at, signature) in [(at, "sha256=zz"), (at, ""), ("", signature)] {
        assert!(!is_genuine(at, signature, now_s), "{at} {signature}");
    }
    daemon.stop().await;
}
