//! rusoto, the SDK before Amazon's own; it knows no AWS_ENDPOINT_URL_STS: it is told.

use program::{Identity, Resolved};
use rusoto_core::{HttpClient, Region};
use rusoto_credential::{DefaultCredentialsProvider, ProvideAwsCredentials};
use rusoto_sts::{GetCallerIdentityRequest, Sts, StsClient};
use std::env;

async fn resolve() -> Resolved {
    let provider = DefaultCredentialsProvider::new()?;
    let credentials = provider.credentials().await?;
    let region = Region::Custom { name: env::var("AWS_REGION")?, endpoint: env::var("AWS_ENDPOINT_URL_STS")? };
    let sts = StsClient::new_with(HttpClient::new()?, provider, region);
    let caller = sts.get_caller_identity(GetCallerIdentityRequest {}).await?;
    Ok(Identity { access_key_id: credentials.aws_access_key_id().into(), arn: caller.arn })
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    program::main("rusoto_core", || runtime.block_on(resolve()));
}
