from urllib.parse import urlsplit

from minio import Minio
from minio.credentials import IamAwsProvider

from program import REGION, S3_URL, serve


def ask():
    provider = IamAwsProvider()
    Minio(endpoint=urlsplit(S3_URL).netloc, credentials=provider, secure=False, region=REGION).list_buckets()
    return {"accessKeyId": provider.retrieve().access_key}


serve("minio", ask)
