//! The roots of 2026, which deliver one class of streams each.

/// What comes before `/ws` or `/stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Public,
    Market,
    Private,
    /// The paths from before the routes.
    Unrouted,
}

impl Route {
    /// The route of a path, and what comes behind it.
    pub(super) fn split(path: &str) -> (Self, &str) {
        for (route, root) in
            [(Self::Public, "/public"), (Self::Market, "/market"), (Self::Private, "/private")]
        {
            if let Some(rest) = path.strip_prefix(root) {
                return (route, rest);
            }
        }
        (Self::Unrouted, path)
    }

    /// Which streams come this way. The others are acknowledged and mute.
    pub(super) fn delivers(self, unrouted_delivers_all: bool) -> fn(&str) -> bool {
        match self {
            Self::Public => is_public,
            Self::Market => |stream| !is_public(stream),
            Self::Private => |_| false,
            Self::Unrouted if unrouted_delivers_all => |_| true,
            Self::Unrouted => is_public,
        }
    }
}

/// Whether a stream is of the class of books and single trades.
fn is_public(stream: &str) -> bool {
    match stream.split_once('@') {
        Some((_, kind)) => {
            kind.starts_with("depth") || matches!(kind, "bookTicker" | "trade" | "rpiDepth@500ms")
        }
        None => stream == "!bookTicker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_root_delivers_its_own_class() {
        let delivered = |path: &str, all| {
            let (route, rest) = Route::split(path);
            assert_eq!(rest, "/ws", "{path}");
            let delivers = route.delivers(all);
            ["a@depth", "a@depth5@100ms", "!bookTicker", "a@aggTrade", "!markPrice@arr"].map(delivers)
        };
        assert_eq!(delivered("/public/ws", false), [true, true, true, false, false]);
        assert_eq!(delivered("/market/ws", false), [false, false, false, true, true]);
        assert_eq!(delivered("/private/ws", false), [false; 5]);
        assert_eq!(delivered("/ws", false), [true, true, true, false, false]);
        assert_eq!(delivered("/ws", true), [true; 5]);
    }
}
