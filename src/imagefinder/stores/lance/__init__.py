"""The store in Lance: a dataset in a folder or an object store, for many machines."""
