from pyarrow import fs

from program import REGION, S3_URL, serve


def ask():
    s3 = fs.S3FileSystem(endpoint_override=S3_URL, region=REGION)
    s3.get_file_info(fs.FileSelector("bucket"))
    return {}


serve("pyarrow", ask)
