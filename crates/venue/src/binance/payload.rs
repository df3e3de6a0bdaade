//! What a signed request signs.

/// The text that is signed of a request over WebSocket: the parameters by name in the order of its bytes, as
/// `name=value` joined with `&`. Nothing is percent-encoded, and a `signature` among them is left out.
///
/// Values are as they are sent, without the quotes of JSON.
///
/// ```
/// use tickwire_venue::binance::payload;
///
/// let params = [("timestamp", "1700000000000"), ("apiKey", "k"), ("signature", "?")];
/// assert_eq!(payload(&params), "apiKey=k&timestamp=1700000000000");
/// ```
pub fn payload(params: &[(&str, &str)]) -> String {
    let mut params: Vec<_> = params.iter().filter(|(name, _)| *name != "signature").collect();
    params.sort_by_key(|(name, _)| *name);
    let mut text = String::new();
    for (name, value) in params {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}
