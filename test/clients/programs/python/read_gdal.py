"""Opens an object that is not there: GDAL signs the request for it all the same. It keeps credentials for the life of
the process, so each question is a process of its own."""

import sys

import pyogrio

if "--version" in sys.argv[1:]:
    print(".".join(map(str, pyogrio.__gdal_version__)))
else:
    pyogrio.read_info("/vsis3/bucket/nothing.geojson")
