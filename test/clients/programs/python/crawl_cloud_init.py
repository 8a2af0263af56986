"""cloud-init's own crawl of EC2's metadata, as it does it at boot, without configuring this machine."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["CLIENTS_CACHE"], "cloud-init/usr/lib/python3/dist-packages"))

from cloudinit import helpers, settings, version
from cloudinit.sources import DataSourceEc2

from program import serve


def ask():
    with tempfile.TemporaryDirectory() as folder:
        paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder})
        source = DataSourceEc2.DataSourceEc2(settings.CFG_BUILTIN, None, paths)
        source._cloud_name = DataSourceEc2.CloudNames.AWS
        if not source.wait_for_metadata_service():
            return {"error": "it finds no metadata service"}
        return {"metadata": source.crawl_metadata()}


if "--version" in sys.argv[1:]:
    print(version.version_string())
else:
    serve("cloud-init", ask)
