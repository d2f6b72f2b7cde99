//! Another process takes over, with a new binary or a new configuration, and no request fails.
//!
//! ```text
//! old                                       new
//!  │ starts it; its standard input is one end of a pair of sockets
//!  │── the listening sockets themselves ──────▶│ reads its configuration, prepares everything, takes connections
//!  │◀───────────────────────────── "ready" ────│ (both take connections now, from the same queue of the kernel)
//!  │ takes no more; each answer is the last    │ requests with a key wait for the journal
//!  │ on its connection; WebSockets are told,   │
//!  │ and their sessions go over (`socket`)     │
//!  │── "journal" (it is closed) ──────────────▶│ opens it; goes on with those that wait, and sends late
//!  ▼ ends when nothing is left, or at the deadline
//! ```
//!
//! Until "ready" the old one goes on as if nothing had been: a new binary that does not start, or a configuration that
//! is wrong, costs nothing. The sockets go over as messages of the kernel (`SCM_RIGHTS`): no number of a descriptor is
//! trusted, and nobody but the process that was started can take them.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, IoSlice, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Set for a process that is to take over: its standard input is the other's socket.
pub const HANDOVER: &str = "STILLHERE_EDGE_HANDOVER";
/// How long a successor may take until it serves. It reads files and, perhaps, its configuration from the core.
pub const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long a predecessor may take to say what it hands over.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// How long we wait for the journal: longer than a predecessor takes. A predecessor that has died has let go, too.
const JOURNAL_WITHIN: Duration = crate::keyed::SETTLE_WITHIN.saturating_add(Duration::from_secs(4));
/// The protocol. Another version does not take over.
const VERSION: u32 = 1;
/// Listening sockets of one edge.
const SOCKETS_MAX: usize = 8;
/// The first message.
const HELLO_MAX: usize = 4096;
const LINE_MAX: u64 = 64;
/// Goes along with the listening sockets: through it come sessions of WebSockets. A process that does not know it closes it.
const SESSIONS: &str = "sessions";
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
const READY: &str = "ready";
const JOURNAL: &str = "journal";

/// A listening socket of ours.
#[derive(Debug)]
pub(crate) struct Listening {
    /// `plain`, `secure`.
    pub(crate) kind: &'static str,
    /// As configured, such as with port 0.
    pub(crate) asked: SocketAddr,
    pub(crate) addr: SocketAddr,
    pub(crate) listener: TcpListener,
}

/// What the old process says.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    version: u32,
    sockets: Vec<About>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct About {
    kind: String,
    asked: SocketAddr,
}

/// The process that takes over, as the old one sees it.
#[derive(Debug)]
pub struct Successor {
    channel: UnixStream,
    /// Taken by whoever gives them.
    pub(crate) sessions: Option<UnixStream>,
    process: Child,
}

/// The process that hands over, as the new one sees it.
#[derive(Debug)]
pub struct Predecessor {
    channel: BufReader<UnixStream>,
    sockets: Vec<(About, OwnedFd)>,
}

/// Why nobody takes over.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error("the new process cannot be started: {0}")]
    Start(io::Error),
    #[error("the sockets cannot be handed over: {0}")]
    Sockets(io::Error),
    #[error("the new process did not come to serve: {0}")]
    NotReady(io::Error),
}

/// The command that started this process, once more: the same arguments, with the binary that is at its place now.
///
/// # Errors
/// When it is not known where the binary is.
pub fn again() -> io::Result<Command> {
    // What the kernel says of a binary that was replaced.
    const REPLACED: &str = " (deleted)";
    let path = std::env::current_exe()?;
    let path = match path.to_str().and_then(|p| p.strip_suffix(REPLACED)) {
        Some(place) if !path.exists() => place.into(),
        _ => path,
    };
    let mut command = Command::new(path);
    command.args(std::env::args_os().skip(1));
    Ok(command)
}

/// The process before this one, if it was started to take over. To be called once, before anything reads standard
/// input.
///
/// # Errors
/// When it says so and is not so.
pub fn predecessor() -> io::Result<Option<Predecessor>> {
    if std::env::var_os(HANDOVER).is_none() {
        return Ok(None);
    }
    let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let predecessor = Predecessor::meet(channel)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(Some(predecessor))
}

// === impl Successor ===

impl Successor {
    pub(crate) fn start(mut command: Command, listening: &[Listening]) -> Result<Successor, UpgradeError> {
        let (channel, other) = UnixStream::pair().map_err(UpgradeError::Start)?;
        let process = command
            .stdin(Stdio::from(OwnedFd::from(other)))
            .env(HANDOVER, "stdin")
            .spawn()
            .map_err(UpgradeError::Start)?;
        // Its end of the pair must be the only one: when it dies, we are told.
        drop(command);
        let mut successor = Successor { channel, sessions: None, process };
        let ready = successor.hand_over(listening).map_err(UpgradeError::Sockets);
        match ready.and_then(|()| successor.until_ready().map_err(UpgradeError::NotReady)) {
            Ok(()) => Ok(successor),
            Err(why) => {
                let _ = successor.process.kill();
                let _ = successor.process.wait();
                Err(why)
            }
        }
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    fn hand_over(&mut self, listening: &[Listening]) -> io::Result<()> {
        let (sessions, other) = UnixStream::pair()?;
        let about = |l: &Listening| About { kind: l.kind.to_owned(), asked: l.asked };
        let mut hello = Hello { version: VERSION, sockets: listening.iter().map(about).collect() };
        hello.sockets.push(About { kind: SESSIONS.to_owned(), asked: NOWHERE });
        let mut hello = serde_json::to_vec(&hello)?;
        hello.push(b'\n');
        let sockets: Vec<_> = listening.iter().map(|l| l.listener.as_fd()).chain([other.as_fd()]).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if hello.len() > HELLO_MAX || !ancillary.push(SendAncillaryMessage::ScmRights(&sockets)) {
            return Err(io::Error::other("too many sockets"));
        }
        let sent = sendmsg(&self.channel, &[IoSlice::new(&hello)], &mut ancillary, SendFlags::NOSIGNAL)?;
        self.sessions = Some(sessions);
        (&self.channel).write_all(&hello[sent..])
    }

    fn until_ready(&self) -> io::Result<()> {
        self.channel.set_read_timeout(Some(READY_WITHIN))?;
        match line(&mut BufReader::new(&self.channel))?.as_str() {
            READY => Ok(()),
            "" => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended")),
            other => Err(io::Error::other(format!("it said {other:?}"))),
        }
    }

    /// The journal is closed: it may be opened.
    pub(crate) fn let_go(&mut self) {
        if let Err(e) = writeln!(self.channel, "{JOURNAL}") {
            tracing::error!(error = %e, "the successor does not hear that it may have the journal");
        }
    }
}

// === impl Predecessor ===

impl Predecessor {
    fn meet(channel: UnixStream) -> io::Result<Predecessor> {
        let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        channel.set_read_timeout(Some(HELLO_WITHIN))?;
        let mut bytes = vec![0; HELLO_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got =
            recvmsg(&channel, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        let mut sockets: Vec<OwnedFd> = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(more) = message {
                sockets.extend(more);
            }
        }
        bytes.truncate(got.bytes);
        let mut rest = BufReader::new(channel);
        while bytes.last() != Some(&b'\n') {
            let more = rest.by_ref().take((HELLO_MAX - bytes.len()) as u64).read_until(b'\n', &mut bytes)?;
            if more == 0 {
                return Err(malformed("the message breaks off"));
            }
        }
        let hello: Hello = serde_json::from_slice(&bytes)?;
        if hello.version != VERSION {
            return Err(malformed("another version hands over in another way"));
        }
        if hello.sockets.len() != sockets.len() {
            return Err(malformed("sockets are missing"));
        }
        Ok(Predecessor { channel: rest, sockets: hello.sockets.into_iter().zip(sockets).collect() })
    }

    /// The socket that it listened on for the same purpose, at the same address.
    pub(crate) fn listener(&mut self, kind: &str, asked: SocketAddr) -> Option<TcpListener> {
        let fits = |(about, socket): &(About, OwnedFd)| {
            let at = || rustix::net::getsockname(socket).ok().and_then(|a| SocketAddr::try_from(a).ok());
            about.kind == kind && (about.asked == asked || at() == Some(asked))
        };
        let at = self.sockets.iter().position(fits)?;
        Some(self.sockets.swap_remove(at).1.into())
    }

    /// Where sessions come from. None: it knows nothing of that.
    pub(crate) fn sessions(&mut self) -> Option<UnixStream> {
        let at = self.sockets.iter().position(|(about, _)| about.kind == SESSIONS)?;
        Some(self.sockets.swap_remove(at).1.into())
    }

    /// Where it listened for this, for a caller that has no address of its own.
    #[must_use]
    pub fn asked(&self, kind: &str) -> Option<SocketAddr> {
        self.sockets.iter().find(|(about, _)| about.kind == kind).map(|(about, _)| about.asked)
    }

    /// Sockets that were not taken are closed: whoever connects there learns that nobody listens.
    pub(crate) fn ready(&mut self) -> io::Result<()> {
        self.sockets.clear();
        writeln!(self.channel.get_mut(), "{READY}")
    }

    /// Until it has closed the journal, or has ended, which is as good.
    pub(crate) fn until_it_let_go(&mut self) {
        let told = self
            .channel
            .get_ref()
            .set_read_timeout(Some(JOURNAL_WITHIN))
            .and_then(|()| line(&mut self.channel));
        match told.as_deref() {
            Ok(JOURNAL | "") => {}
            Ok(other) => tracing::warn!(said = other, "the process before this one says something unknown"),
            Err(e) => tracing::warn!(error = %e, "the process before this one keeps the journal"),
        }
    }
}

/// One line, without its end; an empty one when the other side has gone.
fn line(from: &mut impl io::BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.take(LINE_MAX).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening() -> Listening {
        let asked = "127.0.0.1:0".parse().expect("an address");
        let listener = crate::listen::bind(asked).expect("a port");
        Listening { kind: "plain", asked, addr: listener.local_addr().expect("an address"), listener }
    }

    #[test]
    fn a_command_that_does_not_come_to_serve_is_said_and_ended() {
        let sockets = [listening()];
        let failed = |command: Command| Successor::start(command, &sockets).expect_err("it cannot serve");
        assert!(matches!(failed(Command::new("/nowhere/at/all")), UpgradeError::Start(_)));
        assert!(matches!(failed(Command::new("true")), UpgradeError::NotReady(_) | UpgradeError::Sockets(_)));
        let mut says_nonsense = Command::new("sh");
        says_nonsense.args(["-c", "echo hello >&0; cat >/dev/null"]);
        let said = failed(says_nonsense).to_string();
        assert!(said.contains("hello"), "{said}");
    }

    #[test]
    fn a_successor_gets_the_sockets_themselves_and_only_for_what_they_were_for() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let process = Command::new("true").spawn().expect("it runs");
        let old = listening();
        let addr = old.addr;
        let mut successor = Successor { channel: ours, sessions: None, process };
        successor.hand_over(&[old]).expect("handed over");
        let mut predecessor = Predecessor::meet(theirs).expect("it says hello");
        assert!(predecessor.listener("secure", addr).is_none());
        assert_eq!(predecessor.asked("plain"), Some("127.0.0.1:0".parse().expect("an address")));
        let listener = predecessor.listener("plain", addr).expect("the socket");
        assert_eq!(listener.local_addr().expect("an address"), addr);
        assert!(predecessor.listener("plain", addr).is_none(), "once");
        let mut sessions = predecessor.sessions().expect("the other end of what sessions come through");
        let mut gives = successor.sessions.take().expect("made");
        gives.write_all(b"one").expect("written");
        drop(gives);
        let mut came = String::new();
        sessions.read_to_string(&mut came).expect("read");
        assert_eq!(came, "one", "and it ends when the old one has ended");
        // The old one has dropped its own; the socket lives on.
        std::net::TcpStream::connect(addr).expect("somebody listens");
    }

    #[test]
    fn what_is_no_hello_is_refused() {
        for said in ["", "{}\n", "{\"version\":9,\"sockets\":[]}\n", "no end", "\n"] {
            let (mut ours, theirs) = UnixStream::pair().expect("a pair");
            ours.write_all(said.as_bytes()).expect("written");
            drop(ours);
            assert!(Predecessor::meet(theirs).is_err(), "{said:?}");
        }
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let missing = "{\"version\":1,\"sockets\":[{\"kind\":\"plain\",\"asked\":\"127.0.0.1:1\"}]}\n";
        ours.write_all(missing.as_bytes()).expect("written");
        assert!(Predecessor::meet(theirs).is_err(), "a socket that was not sent");
    }
}
