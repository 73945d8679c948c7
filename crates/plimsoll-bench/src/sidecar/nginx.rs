//! The peer: nginx as a reverse proxy that keeps connections, with a worker for each processor as ours has
//! a thread, without an access log.

use crate::slo::process::{Server, free_address};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Starts it before `target`.
pub(super) fn start(target: SocketAddr, folder: &Path) -> Server {
    let address = free_address();
    let at = folder.display();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let config = format!(
        "daemon off; user root; worker_processes {workers}; pid {at}/pid; error_log {at}/error.log;\n\
         worker_rlimit_nofile 20000;\n\
         events {{ worker_connections 19000; }}\n\
         http {{\n\
           access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
           fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;\n\
           keepalive_requests 1000000000; tcp_nodelay on;\n\
           upstream target {{ server {target}; keepalive 256; keepalive_requests 1000000000; }}\n\
           server {{ listen {address}; location / {{\n\
             proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
             proxy_set_header Host $host; proxy_read_timeout 1h;\n\
           }} location = /stub_status {{ stub_status; }} }}\n\
         }}\n"
    );
    let path = folder.join("nginx.conf");
    std::fs::write(&path, config).expect("written");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).arg("-c").arg(&path);
    super::ours::started(Server::start(&mut command, address, folder))
}
