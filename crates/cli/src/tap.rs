//! `tickwire tap`: a WebSocket to standard output.

use crate::clock::{self, seconds};
use crate::exit::{self, CODES, Failure, Kind, words};
use crate::local::trusting;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::builder::RangedU64ValueParser;
use serde_json::{Value, json};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tickwire::ws::{Error as WsError, Exceeded};
use tickwire::{Client, CloseCode, Deflate, Error, Event, Limits, Message, Timeouts};

/// How long the peer may take to answer our Close once the count is reached.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// How often to look whether the run was interrupted.
const LOOK: Duration = Duration::from_millis(200);

/// Print what a WebSocket sends.
///
/// Texts are printed as lines, binary messages as they are; with --json everything as JSON lines, binary data in base64.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Example:
  tickwire tap --json --count 3 wss://stream.binance.com:9443/ws/btcusdt@trade

{CODES}"))]
pub(crate) struct Arguments {
    /// One JSON object a line: open, message, ping, pong, close, error.
    #[arg(long)]
    json: bool,
    /// Send this text once the connection is open; may be repeated.
    #[arg(long, value_name = "TEXT")]
    send: Vec<String>,
    /// Close with 1000 after this many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Give up after this time in all (exit 3).
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// The largest message to take, in bytes, after inflating [default: 16777216].
    #[arg(long, value_name = "BYTES", value_parser = some_bytes())]
    max_message: Option<usize>,
    /// The largest frame to take, in bytes, as it is sent [default: 16777216].
    #[arg(long, value_name = "BYTES", value_parser = some_bytes())]
    max_frame: Option<usize>,
    /// Offer compression (permessage-deflate); with --json, "extensions" of the open event tells whether it was taken.
    #[arg(long)]
    deflate: bool,
    /// Trust the certificates of this file, too.
    #[arg(long, value_name = "FILE.pem")]
    ca: Option<PathBuf>,
    /// A ws:// or wss:// URL.
    url: String,
}

/// At least one.
fn some_bytes() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let interrupted = exit::interrupted()?;
    let until = arguments.timeout.and_then(|timeout| clock::now().checked_add(timeout));
    let mut client = connect(arguments)?;
    let out = BufWriter::new(io::stdout().lock());
    let mut tap = Tap { json: arguments.json, out, messages: 0, interrupted };
    let ended = tap.follow(&mut client, arguments, until);
    tap.out.flush()?;
    ended
}

fn connect(arguments: &Arguments) -> Result<Client, Failure> {
    let usual = Limits::default();
    let limits = Limits {
        message_bytes_max: arguments.max_message.unwrap_or(usual.message_bytes_max),
        frame_bytes_max: arguments.max_frame.unwrap_or(usual.frame_bytes_max),
        ..usual
    };
    let timeouts = Timeouts { close: CLOSE_WAIT, ..Timeouts::default() };
    let mut builder = Client::builder().limits(limits).timeouts(timeouts);
    if arguments.deflate {
        builder = builder.deflate(Deflate::default());
    }
    let builder = trusting(builder, arguments.ca.as_deref())?;
    Ok(builder.connect(&arguments.url)?)
}

struct Tap {
    json: bool,
    out: BufWriter<StdoutLock<'static>>,
    messages: u64,
    interrupted: Arc<AtomicBool>,
}

impl Tap {
    fn follow(
        &mut self,
        client: &mut Client,
        arguments: &Arguments,
        until: Option<Instant>,
    ) -> Result<(), Failure> {
        let mut asked_to_close = false;
        while !client.is_closed() {
            let enough = arguments.count.is_some_and(|count| self.messages >= count);
            if !asked_to_close && (enough || self.interrupted.load(Ordering::Relaxed)) {
                asked_to_close = true;
                client.close(1000, "").map_err(Error::from)?;
            }
            if until.is_some_and(|until| until <= clock::now()) {
                return self.time_is_up();
            }
            match client.next_event() {
                Ok(Some(Event::Open(response))) => {
                    let (extensions, subprotocol) = (response.extensions(), response.subprotocol());
                    self.tell(
                        || json!({"event": "open", "extensions": extensions, "subprotocol": subprotocol}),
                    )?;
                    for text in &arguments.send {
                        client.send_text(text).map_err(Error::from)?;
                    }
                }
                Ok(Some(Event::Message(message))) if !asked_to_close => self.message(&message)?,
                Ok(Some(Event::Ping(payload))) => self.control("ping", payload)?,
                Ok(Some(Event::Pong(payload))) => self.control("pong", payload)?,
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.out.flush()?;
                    let left = until.map(|until| until.saturating_duration_since(clock::now()));
                    client.wait(Some(left.unwrap_or(LOOK).min(LOOK)))?;
                }
                Err(error) => return self.error(client, error),
            }
        }
        self.closed(client)
    }

    fn message(&mut self, message: &Message<'_>) -> Result<(), Failure> {
        self.messages += 1;
        if self.json {
            let data = message.fragments().collect::<Vec<_>>().concat();
            let (kind, data) = match message.kind() {
                tickwire::Kind::Text => ("text", String::from_utf8_lossy(&data).into_owned()),
                tickwire::Kind::Binary => ("binary", STANDARD.encode(&data)),
            };
            let fragments = message.fragments().count();
            let bytes = message.len();
            return self.tell(|| {
                json!({"event": "message", "kind": kind, "fragments": fragments, "bytes": bytes, "data": data})
            });
        }
        for fragment in message.fragments() {
            self.out.write_all(fragment)?;
        }
        if message.kind() == tickwire::Kind::Text {
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn control(&mut self, event: &str, payload: &[u8]) -> Result<(), Failure> {
        self.tell(|| json!({"event": event, "bytes": payload.len()}))
    }

    fn closed(&mut self, client: &Client) -> Result<(), Failure> {
        let close = client.received_close();
        let code = close.and_then(|close| close.code).map(u16::from);
        let reason = close.map(|close| close.reason.clone()).unwrap_or_default();
        let clean = client.is_clean();
        self.tell(|| json!({"event": "close", "code": code, "reason": reason, "clean": clean}))
    }

    fn error(&mut self, client: &Client, error: Error) -> Result<(), Failure> {
        let kind = Kind::of(&error);
        let sent = client.sent_close().and_then(|close| close.code);
        let hint = match error {
            Error::WebSocket(WsError::Limit(Exceeded::Message { .. })) => " (see --max-message)",
            Error::WebSocket(WsError::Limit(Exceeded::Frame { .. })) => " (see --max-frame)",
            _ => "",
        };
        self.failed(kind, format!("{}{hint}", words(&error)), sent)
    }

    fn time_is_up(&mut self) -> Result<(), Failure> {
        let detail = "the time given by --timeout is up".to_owned();
        self.failed(Kind::Timeout, detail, None)
    }

    /// An error goes where the messages go when they are JSON, and to standard error when they are not.
    fn failed(&mut self, kind: Kind, detail: String, sent_close: Option<CloseCode>) -> Result<(), Failure> {
        let code = kind.code();
        if !self.json {
            return Err(Failure::new(code, detail));
        }
        let sent_close = sent_close.map(u16::from);
        self.tell(
            || json!({"event": "error", "kind": kind.name(), "detail": detail, "sent_close": sent_close}),
        )?;
        Err(Failure::told(code))
    }

    fn tell(&mut self, object: impl FnOnce() -> Value) -> Result<(), Failure> {
        if self.json {
            writeln!(self.out, "{}", object())?;
        }
        Ok(())
    }
}
