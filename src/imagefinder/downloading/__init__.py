"""From a list of URLs to a folder of pictures, each content once."""

from imagefinder.downloading.download import Settings, Summary, download
from imagefinder.downloading.ledger import described, is_filled
from imagefinder.downloading.lists import count_urls, is_list

__all__ = ["Settings", "Summary", "count_urls", "described", "download", "is_filled", "is_list"]
