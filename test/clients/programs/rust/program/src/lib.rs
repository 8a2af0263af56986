//! What every client here has in common: a line in, credentials resolved afresh, a line of JSON out.

use serde_json::json;
use std::error::Error;
use std::io::Write;

const LOCK: &str = include_str!("../../Cargo.lock");

/// Whose keys the SDK found, and whom STS took them for where the client has STS.
pub struct Identity {
    pub access_key_id: String,
    pub arn: Option<String>,
}

pub type Resolved = Result<Identity, Box<dyn Error>>;

/// Answers each line of stdin with one identity, or prints the locked version of a package when asked for --version.
pub fn main(package: &str, resolve: impl Fn() -> Resolved) {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("{}", locked_version(package));
        return;
    }
    for _ in std::io::stdin().lines().map_while(Result::ok) {
        println!("{}", answer(resolve()));
        std::io::stdout().flush().expect("stdout is open");
    }
}

fn answer(resolved: Resolved) -> serde_json::Value {
    match resolved {
        Ok(Identity { access_key_id, arn: Some(arn) }) => json!({ "accessKeyId": access_key_id, "arn": arn }),
        Ok(Identity { access_key_id, arn: None }) => json!({ "accessKeyId": access_key_id }),
        Err(error) => json!({ "error": with_causes(error.as_ref()) }),
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn locked_version(package: &str) -> &'static str {
    let entry = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = LOCK.split_once(&entry).expect("the package is in Cargo.lock");
    rest.split('"').next().expect("a version ends in a quote")
}
