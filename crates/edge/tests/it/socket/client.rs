//! A client of `stillhere.resume.v1` made from `docs/socket-resume.md`, on somebody else's WebSocket.

use super::rig::{Edge, Ws, soon, try_client};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::{collections::VecDeque, net::SocketAddr};
use tokio_tungstenite::tungstenite::Message;

/// What a client remembers over connections, and its connection.
pub struct Client {
    pub ws: Option<Ws>,
    pub session: Option<(String, String)>,
    /// The number of the last message of the edge.
    pub got: u64,
    /// What was said and not acknowledged, with its number.
    unacked: VecDeque<(u64, Message)>,
    next: u64,
    pub messages: Vec<Message>,
    pub origin: Vec<Value>,
    /// Each gap with what it says is lost.
    pub gaps: Vec<(u64, u64)>,
    pub uncertain: Vec<(u64, u64)>,
    pub paused: bool,
    pub notices: Vec<Value>,
    pub read: u64,
    pub closed: Option<(u16, String)>,
    pub welcome: Value,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    pub fn new(headers: &[(&'static str, &str)]) -> Client {
        let mut headers: Vec<_> = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        headers.push(("sec-websocket-protocol", "stillhere.resume.v1, chat".to_owned()));
        Client {
            ws: None,
            session: None,
            got: 0,
            unacked: VecDeque::new(),
            next: 1,
            messages: Vec::new(),
            origin: Vec::new(),
            gaps: Vec::new(),
            uncertain: Vec::new(),
            paused: false,
            notices: Vec::new(),
            read: 0,
            closed: None,
            welcome: Value::Null,
            headers,
        }
    }

    pub async fn begin(edge: &Edge) -> Client {
        let mut client = Client::new(&[]);
        client.connect(edge).await;
        client.until(|c| !c.origin.is_empty()).await;
        client
    }

    /// Connects, and says hello; with a session it goes on with that.
    pub async fn connect(&mut self, edge: &Edge) {
        self.connect_to(edge.address).await;
    }

    pub async fn connect_to(&mut self, at: SocketAddr) {
        let headers: Vec<(&'static str, &str)> = self.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let (ws, head) = try_client(at, &headers).await.unwrap();
        let head = head.headers();
        assert_eq!(head["sec-websocket-protocol"], "stillhere.resume.v1");
        self.ws = Some(ws);
        self.closed = None;
        self.welcome = Value::Null;
        let hello = match &self.session {
            None => json!({"c": "hello", "v": 1}),
            Some((session, token)) => {
                json!({"c": "hello", "v": 1, "session": session, "token": token, "got": self.got})
            }
        };
        self.control(hello).await;
        self.until(|c| c.welcome != Value::Null || c.closed.is_some()).await;
    }

    /// The connection dies without a word.
    pub fn cut(&mut self) {
        if let Some(ws) = self.ws.take() {
            ws.get_ref().set_zero_linger().unwrap();
        }
    }

    async fn control(&mut self, what: Value) {
        let _ = self.ws.as_mut().unwrap().send(Message::Text(what.to_string().into())).await;
    }

    async fn put(&mut self, message: Message) {
        let Some(ws) = &mut self.ws else { return };
        let framed = match message {
            Message::Text(text) => Message::Text(format!(">{text}").into()),
            other => other,
        };
        if ws.send(framed).await.is_err() {
            self.ws = None;
        }
    }

    pub async fn say(&mut self, message: impl Into<Message>) -> u64 {
        let message = message.into();
        let number = self.next;
        self.next += 1;
        self.unacked.push_back((number, message.clone()));
        self.put(message).await;
        number
    }

    pub fn unacked(&self) -> usize {
        self.unacked.len()
    }

    pub async fn ack(&mut self) {
        let got = self.got;
        if self.ws.is_some() {
            self.control(json!({"c": "ack", "got": got})).await;
        }
    }

    pub async fn until(&mut self, done: impl Fn(&Client) -> bool) {
        soon(async {
            while !done(self) {
                self.step().await;
            }
        })
        .await;
    }

    /// Takes one message of the edge.
    pub async fn step(&mut self) {
        let Some(ws) = &mut self.ws else { panic!("not connected, closed {:?}", self.closed) };
        match ws.next().await {
            Some(Ok(Message::Text(text))) => match text.as_str().strip_prefix('>') {
                Some(text) => {
                    self.got += 1;
                    self.messages.push(Message::Text(text.into()));
                }
                None => self.hear(serde_json::from_str(&text).unwrap()).await,
            },
            Some(Ok(message @ Message::Binary(_))) => {
                self.got += 1;
                self.messages.push(message);
            }
            Some(Ok(Message::Close(frame))) => {
                let frame = frame.unwrap();
                self.closed = Some((frame.code.into(), frame.reason.to_string()));
                let _ = self.ws.take().unwrap().flush().await;
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => self.ws = None,
        }
    }

    async fn hear(&mut self, said: Value) {
        let number = |key: &str| said[key].as_u64().unwrap();
        match said["c"].as_str().unwrap() {
            "welcome" => {
                if said["resumed"] == json!(false) {
                    self.session = Some((
                        said["session"].as_str().unwrap().into(),
                        said["token"].as_str().unwrap().into(),
                    ));
                }
                let got = number("got");
                self.paused = said["paused"].as_bool().unwrap();
                self.welcome = said;
                while self.unacked.front().is_some_and(|(n, _)| *n <= got) {
                    self.unacked.pop_front();
                }
                for (_, message) in self.unacked.clone() {
                    self.put(message).await;
                }
            }
            "ack" => {
                let got = number("got");
                self.read = number("read");
                while self.unacked.front().is_some_and(|(n, _)| *n <= got) {
                    self.unacked.pop_front();
                }
            }
            "gap" => {
                let (next, lost) = (number("next"), number("lost"));
                assert_eq!(next - self.got - 1, lost);
                self.gaps.push((next, lost));
                self.got = next - 1;
            }
            "origin" => {
                self.got += 1;
                if let Some(range) = said["uncertain"].as_array() {
                    self.uncertain.push((range[0].as_u64().unwrap(), range[1].as_u64().unwrap()));
                }
                self.origin.push(said);
            }
            "ping" => self.control(json!({"c": "pong"})).await,
            "slow" => self.paused = said["pause"].as_bool().unwrap(),
            "notice" => self.notices.push(said["notice"].clone()),
            "pong" | "bye" => {}
            other => panic!("{other}"),
        }
    }
}
