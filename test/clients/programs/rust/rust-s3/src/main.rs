//! The rust-s3 crate and its aws-creds. There is no STS GetCallerIdentity in it: it lists buckets.

use awscreds::Credentials;
use awscreds::error::CredentialsError;
use program::{Identity, Resolved};
use s3::{Bucket, Region};
use std::env;

/// The crate's chain. Its last links ask only where the firmware says "Amazon EC2", unless they are told to ask anywhere.
fn default_chain() -> Result<Credentials, CredentialsError> {
    Credentials::default()
        .or_else(|_| Credentials::from_instance_metadata_v2(true))
        .or_else(|_| Credentials::from_instance_metadata(true))
}

fn resolve() -> Resolved {
    let credentials = default_chain()?;
    let access_key_id = credentials.access_key.clone().ok_or("credentials without an access key id")?;
    let region = Region::Custom { region: env::var("AWS_REGION")?, endpoint: env::var("AWS_ENDPOINT_URL_S3")? };
    Bucket::list_buckets(region, credentials)?;
    Ok(Identity { access_key_id, arn: None })
}

fn main() {
    program::main("aws-creds", resolve);
}
