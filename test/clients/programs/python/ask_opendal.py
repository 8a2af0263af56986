import opendal

from program import REGION, S3_URL, serve


def ask():
    list(opendal.Operator("s3", bucket="bucket", endpoint=S3_URL, region=REGION).list("/"))
    return {}


serve("opendal", ask)
