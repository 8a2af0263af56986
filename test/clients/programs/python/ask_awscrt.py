from awscrt import auth

from program import serve

PATIENCE_SECONDS = 50


def ask():
    provider = auth.AwsCredentialsProvider.new_default_chain()
    return {"accessKeyId": provider.get_credentials().result(PATIENCE_SECONDS).access_key_id}


serve("awscrt", ask)
