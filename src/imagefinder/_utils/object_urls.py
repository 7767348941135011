"""URLs of object stores: Amazon S3 and what speaks its protocol, Google Cloud and Azure."""

import re

OBJECT_URL = re.compile(r"(s3|gs|az)://", re.IGNORECASE)
