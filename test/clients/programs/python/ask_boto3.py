import collections
import collections.abc

# Where Python had them until 3.9, and where botocore of January 2019 looks for them.
for name in ("Mapping", "MutableMapping", "Callable"):
    setattr(collections, name, getattr(collections.abc, name))

import boto3

from program import REGION, STS_URL, serve


def ask():
    session = boto3.session.Session(region_name=REGION)
    credentials = session.get_credentials()
    if credentials is None:
        return {"error": "no credentials"}
    arn = session.client("sts", endpoint_url=STS_URL).get_caller_identity()["Arn"]
    return {"accessKeyId": credentials.get_frozen_credentials().access_key, "arn": arn}


serve("boto3", ask)
