//! Probers over TLS: a server is trusted by whom it was signed, and not asked otherwise.

use plimsoll_prober::{PostgresTable, ProberSpec, RedisKey, Server, Trouble};
use plimsoll_record::Registry;
use plimsoll_tests::postgres::Postgres;
use plimsoll_tests::redis::Redis;
use plimsoll_tests::{free_port, scratch, wait};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A certificate that has signed itself.
struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
        Self { certificate: made.cert.pem(), key: made.key_pair.serialize_pem() }
    }

    /// Writes it where the owner of the folder alone may read it, and returns both paths.
    fn write(&self, folder: &Path) -> [String; 2] {
        let owner = std::fs::metadata(folder).expect("a folder");
        [("tls.crt", &self.certificate), ("tls.key", &self.key)].map(|(name, pem)| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("a file");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("its mode");
            chown(&path, Some(owner.uid()), Some(owner.gid())).expect("its owner");
            path.display().to_string()
        })
    }
}

/// Makes PostgreSQL show the certificate from now on.
async fn secure_postgres(server: &Postgres, identity: &Identity) {
    let client = server.connect().await;
    let row = client.query_one("SHOW data_directory", &[]).await.expect("a row");
    let [certificate, key] = identity.write(Path::new(row.get::<_, &str>(0)));
    let set = [
        format!("ALTER SYSTEM SET ssl_cert_file = '{certificate}'"),
        format!("ALTER SYSTEM SET ssl_key_file = '{key}'"),
        "ALTER SYSTEM SET ssl = on".to_owned(),
        "SELECT pg_reload_conf()".to_owned(),
    ];
    for statement in set {
        client.batch_execute(&statement).await.expect("it is set");
    }
    wait::until("TLS", PATIENCE, || async {
        let row = server.connect().await.query_one("SHOW ssl", &[]).await.ok()?;
        (row.get::<_, &str>(0) == "on").then_some(())
    })
    .await;
}

/// Makes Redis listen on another port as well, with TLS.
async fn secure_redis(server: &Redis, identity: &Identity, folder: &Path) -> u16 {
    let [certificate, key] = identity.write(folder);
    let port = free_port();
    let set = ["CONFIG", "SET", "tls-cert-file", &certificate, "tls-key-file", &key];
    let more = ["tls-ca-cert-file", &certificate, "tls-auth-clients", "no", "tls-port"];
    let port_text = port.to_string();
    let words: Vec<&str> = set.into_iter().chain(more).chain([port_text.as_str()]).collect();
    server.ask::<()>(&words).await;
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prober_trusts_whom_it_is_told_to_and_nobody_else() {
    let (postgres, redis) = (Postgres::start().await, Redis::start().await);
    let (identity, stranger, folder) = (Identity::new(), Identity::new(), scratch());
    secure_postgres(&postgres, &identity).await;
    let tls_port = secure_redis(&redis, &identity, folder.path()).await;
    let client = postgres.connect().await;
    let table = "CREATE TABLE plimsoll_heartbeat (name text PRIMARY KEY, marker text NOT NULL)";
    client.batch_execute(table).await.expect("a table");
    let url = postgres.url.replace("sslmode=disable", "application_name=prober");
    let pem = |identity: &Identity| {
        let pem = identity.certificate.clone().into_bytes();
        move || Ok(pem.clone())
    };
    let trusted = || Server::new(&*url).roots(pem(&identity));
    let mistaken = || Server::new(&*url).roots(pem(&stranger));
    let at = |server| PostgresTable::new(server, "plimsoll_heartbeat", "orders").expect("a table");
    let cache = format!("rediss://127.0.0.1:{tls_port}");
    let key = |identity: &Identity| {
        RedisKey::new(Server::new(&*cache).roots(pem(identity)), "absent").expect("a key")
    };
    let prober = ProberSpec::new("origin", at(trusted()), 5)
        .store("table", at(trusted()))
        .store("mistaken", at(mistaken()))
        .store("cache", key(&identity))
        .store("strange cache", key(&stranger))
        .interval(Duration::from_millis(50))
        .build_in(&Registry::new())
        .expect("builds");
    let troubles = prober.troubles();
    tokio::spawn(prober.run(std::future::pending()));
    let told = wait::until("three words", PATIENCE, || async {
        Some(troubles.now()).filter(|told| told.len() == 3)
    })
    .await;
    let said = |store: &str| {
        let of_it = told.iter().find(|Trouble { store: of, .. }| of == store);
        of_it.map(|of_it| of_it.reason.as_str()).unwrap_or_default()
    };
    // It is asked, and what it shows is nothing yet.
    assert!(said("cache").starts_with("no marker was ever seen there"), "{told:?}");
    for store in ["mistaken", "strange cache"] {
        assert!(said(store).contains("invalid peer certificate"), "{told:?}");
    }
    let query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name = 'prober'";
    let row = client.query_one(query, &[]).await.expect("a row");
    assert_eq!(row.get::<_, Option<bool>>(0), Some(true), "both connections are over TLS");
}
