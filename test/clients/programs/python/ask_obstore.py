from obstore.store import S3Store

from program import REGION, S3_URL, serve


def ask():
    store = S3Store("bucket", endpoint=S3_URL, region=REGION, client_options={"allow_http": True})
    list(store.list())
    return {}


serve("obstore", ask)
