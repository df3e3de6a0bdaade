//! Why a request for data is refused.

use serde_json::{Value, json};

/// Status, code and message of a refused request.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) code: i32,
    pub(super) message: String,
    pub(super) wait: Option<Wait>,
}

/// How long a client that asked too much shall wait, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) from_ms: u64,
    pub(super) until_ms: u64,
}

impl Wait {
    /// Whole seconds, at least 1.
    pub(super) fn seconds(self) -> u64 {
        self.until_ms.saturating_sub(self.from_ms).div_ceil(1_000).max(1)
    }
}

impl Fault {
    pub(super) fn bad(code: i32, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into(), wait: None }
    }

    pub(super) fn mandatory(name: &str) -> Self {
        Self::bad(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    }

    /// `{"code","msg"}`, with `data` where there is something to wait for and it is wanted.
    pub(super) fn body(&self, with_data: bool) -> String {
        let mut error = json!({ "code": self.code, "msg": self.message });
        if let (Some(wait), Value::Object(error), true) = (&self.wait, &mut error, with_data) {
            let data = json!({ "serverTime": wait.from_ms, "retryAfter": wait.until_ms });
            error.insert("data".to_owned(), data);
        }
        error.to_string()
    }
}
