"""From a list of URLs to a folder of images, each content once."""

from imagefinder.downloads.downloader import Settings, Summary, download
from imagefinder.downloads.state import described, is_filled
from imagefinder.downloads.url_list import count_urls, is_list

__all__ = ["Settings", "Summary", "count_urls", "described", "download", "is_filled", "is_list"]
