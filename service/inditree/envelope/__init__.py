"""Elements as JSON objects and back: the envelope of INDIGO with INDI's own names. Pure. Rules: docs/web.md, "JSON".

`objects(data)` gives an object for each element in `data`, as it stands there. A `Properties` remembers the
definitions that it was fed, so that its objects of `set*` have all items. `requests` reads what a client sends.
"""

from inditree.envelope.known import Image, Known, Properties
from inditree.envelope.numbers import number
from inditree.envelope.objects import Object, encode, objects, split
from inditree.envelope.requests import EnableBlob, GetStatus, RequestError, requests

__all__ = [
    "EnableBlob",
    "GetStatus",
    "Image",
    "Known",
    "Object",
    "Properties",
    "RequestError",
    "encode",
    "number",
    "objects",
    "requests",
    "split",
]
