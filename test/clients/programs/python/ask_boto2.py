from urllib.parse import urlsplit

import boto
from boto.s3.connection import OrdinaryCallingFormat

from program import S3_URL, serve


def ask():
    place = urlsplit(S3_URL)
    s3 = boto.connect_s3(
        host=place.hostname, port=place.port, is_secure=False, calling_format=OrdinaryCallingFormat()
    )
    s3.get_all_buckets()
    return {"accessKeyId": s3.provider.access_key}


serve("boto", ask)
