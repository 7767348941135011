"""Everything that ImageFinder raises on purpose.

ImageFinderError
├── ImageError             an image that cannot be used
│   ├── UnreadableImage    missing, empty, damaged, or of a kind that is not accepted
│   ├── ImageTooLarge      over the byte cap or the pixel cap
│   └── UnencodableImage   the encoder makes nothing of it
├── PluginError            an encoder, index or store that cannot be had
│   ├── UnknownPlugin      no such name
│   ├── MissingExtra       its library is not installed
│   └── ModelError         a model file that is missing, damaged or not fully described
├── StoreError             a catalogue that cannot be used
│   ├── CatalogueMissing   there is none at that place
│   ├── CatalogueExists    there is one already
│   ├── NotACatalogue      the file is something else
│   ├── NewerCatalogue     made by a later version of ImageFinder
│   └── RecipeMismatch     its vectors were made by another encoder
├── CalibrationError       it cannot be said what a match is
├── ExchangeError          vectors that cannot be taken out of a catalogue, or into one
├── FetchError             a URL whose content cannot be had, with a reason for programs
│   ├── UrlRefused         not a URL to go to: its scheme, credentials, host or redirect
│   ├── AddressRefused     its host has an address that is not public
│   ├── Unreachable        no such host, no connection, no valid certificate, or it broke off
│   ├── TimedOut           over the time cap, or silent for too long
│   └── AnswerRefused      a status, size, encoding or content that is not taken
├── DownloadError          a list that cannot be used, or a folder that cannot be filled
├── IndexDamaged           a cache that must be rebuilt (handled inside the store)
├── NotFound               no such image in the catalogue
├── EvaluationError        what belongs together is not known well enough to measure anything
└── TrainingError          training cannot be done with what is there
"""


class ImageFinderError(Exception):
    """The root of the tree; its text is one line that says what to do."""


class ImageError(ImageFinderError):
    """An image that cannot be used."""


class UnreadableImage(ImageError):
    """The image is missing, empty, damaged, or of a kind that is not accepted."""


class ImageTooLarge(ImageError):
    """The image is over the byte cap or the pixel cap."""


class UnencodableImage(ImageError):
    """The encoder fails on the image, or gives numbers that are not finite."""


class PluginError(ImageFinderError):
    """A plug-in that cannot be had."""


class UnknownPlugin(PluginError):
    """No plug-in has this name."""


class MissingExtra(PluginError):
    """The plug-in's library is not installed."""


class ModelError(PluginError):
    """A model file is missing, damaged or not fully described."""


class StoreError(ImageFinderError):
    """A catalogue that cannot be used."""


class CatalogueMissing(StoreError):
    """There is no catalogue at this place."""


class CatalogueExists(StoreError):
    """There is a catalogue at this place already."""


class NotACatalogue(StoreError):
    """The file is something else than a catalogue."""


class NewerCatalogue(StoreError):
    """The catalogue was made by a later version of ImageFinder."""


class RecipeMismatch(StoreError):
    """The catalogue's vectors were made by another encoder."""


class CalibrationError(ImageFinderError):
    """The catalogue is not calibrated, or cannot be with what it holds."""


class ExchangeError(ImageFinderError):
    """Vectors cannot be taken out of a catalogue to this place, or from it into one."""


class FetchError(ImageFinderError):
    """The content of a URL cannot be had."""

    def __init__(
        self, reason: str, text: str, *, again: bool = False, wait: float | None = None
    ) -> None:
        """``reason`` is a short word for programs, such as ``timeout`` or ``http-404``.

        ``again`` says that it may go better later, and ``wait`` after how many seconds, if the
        server named them.
        """
        super().__init__(text)
        self.reason = reason
        self.again = again
        self.wait = wait


class UrlRefused(FetchError):
    """It is no URL to go to: its scheme, credentials, host or redirect is not accepted."""


class AddressRefused(FetchError):
    """The host has an address that is not a public one."""


class Unreachable(FetchError):
    """No such host, no connection, no valid certificate, or the connection broke off."""


class TimedOut(FetchError):
    """It took longer than the cap, or no byte came for too long."""


class AnswerRefused(FetchError):
    """The answer has a status, size, encoding or content that is not taken."""


class DownloadError(ImageFinderError):
    """The list cannot be used, or the folder cannot be filled."""


class IndexDamaged(ImageFinderError):
    """An index's file cannot be used; the index is to be rebuilt from the store."""


class NotFound(ImageFinderError):
    """No such image in the catalogue."""


class EvaluationError(ImageFinderError):
    """What belongs together is not known well enough to measure anything."""


class TrainingError(ImageFinderError):
    """Training cannot be done with the images, teachers or settings that are there."""
