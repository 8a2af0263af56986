//! The AWS SDK for Rust and its default chain.

use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use program::{Identity, Resolved};

async fn resolve() -> Resolved {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let provider = config.credentials_provider().ok_or("no credentials provider")?;
    let credentials = provider.provide_credentials().await?;
    let caller = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await?;
    Ok(Identity { access_key_id: credentials.access_key_id().into(), arn: caller.arn })
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    program::main("aws-config", || runtime.block_on(resolve()));
}
