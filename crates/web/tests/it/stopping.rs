use crate::running::{KEY, SOON, start};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_under_way_are_answered_idle_ones_closed_and_listeners_told() {
    let s = start().await;
    let mut idle = s.connect().await;
    idle.write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", s.addr).as_bytes()).await.unwrap();
    crate::running::read_answer(&mut idle, &mut Vec::new()).await;
    let mut listening = s.connect().await;
    listening.write_all(format!("GET /live HTTP/1.1\r\nHost: {}\r\n\r\n", s.addr).as_bytes()).await.unwrap();
    let mut said = String::new();
    while !said.contains("event: beat") {
        let mut buf = [0; 4096];
        let n = timeout(SOON, listening.read(&mut buf)).await.unwrap().unwrap();
        said.push_str(&String::from_utf8_lossy(&buf[..n]));
    }
    // A request that has begun, and whose body comes only after the stop.
    let mut under_way = s.connect().await;
    let head = format!("POST /ping/{KEY}/log HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\n", s.addr);
    under_way.write_all(head.as_bytes()).await.unwrap();
    // Its connection is in hyper's hands once something else was answered on a later one.
    assert_eq!(s.get("/api/v1/status").await.status, 200);

    s.handle.stop();
    let mut farewell = String::new();
    timeout(SOON, listening.read_to_string(&mut farewell)).await.expect("listeners are closed").unwrap();
    assert!(farewell.contains("retry: "), "{farewell}");
    assert_eq!(timeout(SOON, idle.read(&mut [0; 16])).await.expect("idle ones are closed").unwrap_or(0), 0);
    under_way.write_all(b"done").await.unwrap();
    let mut answer = String::new();
    timeout(SOON, under_way.read_to_string(&mut answer)).await.expect("answered").unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    timeout(SOON, s.web).await.expect("it ends").unwrap();
    assert!(tokio::net::TcpStream::connect(s.addr).await.is_err(), "nobody listens any more");
}
