"""Exceptions: everything that ImageFinder raises on purpose.

ImageFinderError
├── ImageError             an image that cannot be used
│   ├── UnreadableImage    empty, damaged, or of a kind that is not accepted
│   │   └── ImageMissing   no such file; also a FileNotFoundError
│   ├── ImageTooLarge      over the byte cap or the pixel cap
│   └── UnencodableImage   the encoder fails on it
├── DecoderBusy            too many large images are being decoded: try again
├── PluginError            a plug-in that cannot be loaded
│   ├── UnknownPlugin      no such name
│   ├── MissingExtra       its library is not installed
│   └── ModelError         a model file that is missing, damaged or not fully described
├── StoreError             a catalogue that cannot be used
│   ├── CatalogueMissing   there is none at this path; also a FileNotFoundError
│   ├── CatalogueExists    there is one already
│   ├── NotACatalogue      the file is something else
│   ├── UnfinishedCopy     it is being made as a copy of another one
│   ├── CatalogueDamaged   its content is not what was written
│   ├── NewerCatalogue     made by a later version of ImageFinder
│   ├── RecipeMismatch     its vectors were made by another encoder
│   ├── EncoderChanged     they have been made anew by another encoder since it was opened
│   └── DiskFull           no space is left, for it or for temporary files
├── CalibrationError       the catalogue is not calibrated, or cannot be
├── ExchangeError          vectors that cannot be exported or imported
├── FetchError             a URL that cannot be fetched, with a reason code
│   ├── UrlRefused         its scheme, credentials, host or redirect is not accepted
│   ├── AddressRefused     its host has an address that is not public (SSRF guard)
│   ├── Unreachable        no such host, no connection, no valid certificate, or a broken one
│   ├── TimedOut           over the time limit, or stalled
│   └── ResponseRefused    a status, size, encoding or content that is not accepted
├── DownloadError          a list that cannot be read, or a folder that cannot be written
├── OutputError            a file or folder that a command cannot, or may not, write
├── IndexDamaged           an index file to be rebuilt (handled inside the store)
├── NotFound               no such image in the catalogue; also a LookupError
├── RequestError           a server of catalogues does not answer, or refuses
├── ClusterError           no cluster answers, or its workers cannot begin
├── EvaluationError        the ground truth is missing or unusable
└── TrainingError          the images, teachers or settings do not allow training

Beside it there are two warnings: TruncatedImage, for an image of which only a part can be decoded,
and DefaultEncoderMissing, where another encoder than the usual one is used.
"""

from __future__ import annotations

from functools import partial
from typing import Any


class ImageFinderError(Exception):
    """The root of the tree; its text is one line that says what to do."""


class ImageError(ImageFinderError):
    """An image that cannot be used."""


class UnreadableImage(ImageError):
    """The image is missing, empty, damaged, or of a kind that is not accepted."""


class ImageMissing(UnreadableImage, FileNotFoundError):
    """There is no image file at this path."""


class ImageTooLarge(ImageError):
    """The image is over the byte cap or the pixel cap."""


class UnencodableImage(ImageError):
    """The encoder fails on the image, or its embedding is not finite."""


class DecoderBusy(ImageFinderError):
    """Too many large images are being decoded at the moment; the image itself may be fine."""


class PluginError(ImageFinderError):
    """A plug-in that cannot be loaded."""


class UnknownPlugin(PluginError):
    """No plug-in has this name."""


class MissingExtra(PluginError):
    """The plug-in's library is not installed."""


class ModelError(PluginError):
    """A model file is missing, damaged or not fully described."""


class StoreError(ImageFinderError):
    """A catalogue that cannot be used."""


class CatalogueMissing(StoreError, FileNotFoundError):
    """There is no catalogue at this path."""


class CatalogueExists(StoreError):
    """There is a catalogue at this path already."""


class NotACatalogue(StoreError):
    """The file is not a catalogue."""


class UnfinishedCopy(StoreError):
    """The catalogue is to be a copy of another one, which has not been finished."""


class CatalogueDamaged(StoreError):
    """The catalogue's content is not what was written."""


class NewerCatalogue(StoreError):
    """The catalogue was made by a later version of ImageFinder."""


class RecipeMismatch(StoreError):
    """The catalogue's vectors were made by another encoder."""


class EncoderChanged(StoreError):
    """The catalogue has been upgraded to another encoder since it was opened."""


class DiskFull(StoreError):
    """No space is left on a disk, for the catalogue or for temporary files."""


class CalibrationError(ImageFinderError):
    """The catalogue is not calibrated, or cannot be with what it holds."""


class ExchangeError(ImageFinderError):
    """Vectors cannot be exported to this path, or imported from it."""


class FetchError(ImageFinderError):
    """A URL cannot be fetched."""

    def __init__(
        self,
        reason: str,
        text: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """``reason`` is a code such as ``timeout`` or ``http-404``.

        ``retryable`` means that a retry may succeed, after ``retry_after`` seconds if the server
        specified them.
        """
        super().__init__(text)
        self.reason = reason
        self.retryable = retryable
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        """What makes it again in another process, which the text alone cannot."""
        make = partial(type(self), retryable=self.retryable, retry_after=self.retry_after)
        return make, (self.reason, str(self))


class UrlRefused(FetchError):
    """The scheme, credentials, host or redirect of the URL is not accepted."""


class AddressRefused(FetchError):
    """The host has an address that is not public."""


class Unreachable(FetchError):
    """No such host, no connection, no valid certificate, or the connection broke off."""


class TimedOut(FetchError):
    """The fetch took longer than the limit, or stalled."""


class ResponseRefused(FetchError):
    """The status, size, encoding or content of the response is not accepted."""


class DownloadError(ImageFinderError):
    """The list cannot be read, or the folder cannot be written."""


class OutputError(ImageFinderError):
    """The file or folder cannot be written, or is there already and not the command's own."""


class IndexDamaged(ImageFinderError):
    """An index file is damaged; the index is rebuilt from the store."""


class NotFound(ImageFinderError, LookupError):
    """No such image in the catalogue."""


class RequestError(ImageFinderError):
    """A server of catalogues cannot be reached, or refuses a request; ``status`` says why."""

    def __init__(self, text: str, status: int | None = None) -> None:
        """Without a ``status``, there was no answer."""
        super().__init__(text)
        self.status = status


class ClusterError(ImageFinderError):
    """No Ray cluster answers at the address, or its workers cannot begin."""


class EvaluationError(ImageFinderError):
    """The ground truth is missing or unusable."""


class TrainingError(ImageFinderError):
    """The images, teachers or settings do not allow training."""


class TruncatedImage(UserWarning):
    """Only a part of the image can be decoded, and is used."""


class DefaultEncoderMissing(UserWarning):
    """The package of the default encoder is not installed, so another encoder is used."""
