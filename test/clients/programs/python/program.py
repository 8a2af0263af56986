"""A client as a program: for each line of standard input it asks afresh and prints one line of JSON."""

import json
import os
import sys
from importlib import metadata

REGION = os.environ.get("AWS_REGION", "us-east-1")
STS_URL = os.environ.get("AWS_ENDPOINT_URL_STS")
S3_URL = os.environ.get("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")


def serve(package, ask):
    """`ask` returns what is printed; what it raises is printed as an error. `--version` prints the package's."""
    if "--version" in sys.argv[1:]:
        print(metadata.version(package))
        return
    for _ in sys.stdin:
        try:
            answer = ask()
        except Exception as error:  # whatever a client may raise is its answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
