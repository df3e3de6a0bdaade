//! Connecting: addresses, time, and proxies that say nothing.

use super::*;
use std::collections::VecDeque;
use std::net::TcpListener;

fn socket(timeout: Duration, proxy: Option<Proxy>) -> (Socket, Instant) {
    let now = clock::now();
    (
        Socket {
            host: "venue.example".into(),
            port: 443,
            proxy,
            state: State::Failed(Error::Misuse("not begun")),
            tls: None,
            zero_copy: None,
            began: now,
            deadline: now + timeout,
            unacknowledged: None,
            way: Way::default(),
            kernel_timestamps: false,
            registration: None,
        },
        now,
    )
}

fn listeners<const N: usize>() -> [TcpListener; N] {
    [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap())
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

fn connect_error(socket: &mut Socket) -> Vec<String> {
    let error = Error::from(socket.read(&mut [0; 1]).unwrap_err());
    let Error::Dial(DialError::Connect { attempts, .. }) = error else { panic!("{error}") };
    attempts
}

#[test]
fn a_slow_address_does_not_hold_up_the_next_and_the_time_ends_for_all() {
    let listeners = listeners::<3>();
    let addresses = addresses(&listeners);
    let (mut socket, start) = socket(Duration::from_secs(9), None);
    socket.race(addresses.clone(), start);
    // Nobody looks whether the addresses answer: they are all slow.
    let mut now = start;
    for running in 1..=3 {
        let State::Connecting(race) = &mut socket.state else { panic!("it connects") };
        assert_eq!(race.streams().count(), running);
        let next = socket.next_deadline().unwrap();
        let expected =
            if running < 3 { now + Duration::from_millis(500) } else { start + Duration::from_secs(9) };
        assert_eq!(next, expected);
        socket.on_deadline(next - Duration::from_nanos(1));
        assert_eq!(socket.next_deadline(), Some(next), "not yet");
        now = next;
        socket.on_deadline(now);
    }
    let expected: Vec<String> =
        addresses.iter().map(|address| format!("{address}: no answer in time")).collect();
    assert_eq!(connect_error(&mut socket), expected);
}

#[test]
fn an_address_that_refuses_makes_place_for_the_next_at_once() {
    let [refuses, takes] = listeners::<2>();
    let addresses = vec![refuses.local_addr().unwrap(), takes.local_addr().unwrap()];
    drop(refuses);
    let (mut socket, start) = socket(Duration::from_secs(9), None);
    socket.race(addresses, start);
    // Accepting waits for the connection, and reading looks at what became of it.
    let accepting = std::thread::spawn(move || takes.accept().unwrap());
    while !socket.is_connected() {
        assert_eq!(socket.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        std::thread::yield_now();
    }
    let (_, peer) = accepting.join().unwrap();
    assert!(
        matches!(&socket.state, State::Plain(Plain(tcp)) if tcp.stream().local_addr().unwrap() == peer && tcp.stream().nodelay().unwrap())
    );
}

#[test]
fn when_all_refuse_each_says_so() {
    let listeners = listeners::<2>();
    let addresses = addresses(&listeners);
    drop(listeners);
    let (mut socket, start) = socket(Duration::from_secs(9), None);
    socket.race(addresses.clone(), start);
    while matches!(socket.read(&mut [0; 1]), Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
        std::thread::yield_now();
    }
    let attempts = connect_error(&mut socket);
    let named =
        attempts.iter().zip(&addresses).all(|(attempt, address)| attempt.starts_with(&address.to_string()));
    assert!(attempts.len() == 2 && named, "{attempts:?}");
}

#[test]
fn families_are_tried_in_turn_from_the_one_that_comes_first() {
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
    let mixed = ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"];
    let order = |way: Way| way.order(parse(&mixed));
    let expected = |texts: &[&str]| VecDeque::from(parse(texts));
    assert_eq!(
        order(Way::default()),
        expected(&["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"])
    );
    assert_eq!(
        order(Way { offset: 8, ..Way::default() }),
        expected(&["10.0.0.1:1", "[::1]:1", "10.0.0.2:1", "[::2]:1", "[::3]:1"])
    );
    let local = Some("10.0.0.9".parse().unwrap());
    assert_eq!(order(Way { local, offset: 1 }), expected(&["10.0.0.2:1", "10.0.0.1:1"]));
}

#[test]
fn a_look_up_that_takes_too_long_is_given_up() {
    let (mut socket, start) = socket(Duration::from_secs(9), None);
    let (lookup, _kept) = Lookup::endless();
    socket.state = State::Resolving(lookup);
    assert_eq!(socket.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    socket.on_deadline(start + Duration::from_secs(9));
    let error = Error::from(socket.read(&mut [0; 1]).unwrap_err());
    assert!(matches!(error, Error::Dial(DialError::ResolveTimeout { .. })), "{error}");
}

#[test]
fn a_proxy_that_says_nothing_is_given_up() {
    let [silent] = listeners();
    let (mut socket, start) =
        socket(Duration::from_secs(9), Proxy::parse("http://user:secret@127.0.0.1:1").ok());
    socket.race(vec![silent.local_addr().unwrap()], start);
    while !matches!(socket.state, State::Tunnelling(..)) {
        assert_eq!(socket.read(&mut [0; 1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
    assert!(!format!("{socket:?}").contains("secret"));
    assert_eq!(socket.next_deadline(), Some(start + Duration::from_secs(9)));
    socket.on_deadline(start + Duration::from_secs(9));
    let error = Error::from(socket.read(&mut [0; 1]).unwrap_err());
    assert!(matches!(error, Error::Dial(DialError::Proxy { problem: ProxyError::Timeout, .. })), "{error}");
}
