//! Looks at real servers on loopback, most of them hostile.

mod blame;
mod h2;
mod http;
mod redirects;
mod server;
mod tcp;
mod tls;
