"""The store in Lance: a dataset in a folder or an object store, for many machines."""

import os

os.environ.setdefault("LANCE_LOG", "error")  # the engine's warnings are about its own API
