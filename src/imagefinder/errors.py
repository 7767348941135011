"""Everything that ImageFinder raises on purpose.

ImageFinderError
├── ImageError             a picture that cannot be used
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
├── IndexDamaged           a cache that must be rebuilt (handled inside the store)
├── NotFound               no such picture in the catalogue
├── EvaluationError        what belongs together is not known well enough to measure anything
└── TrainingError          training cannot be done with what is there
"""


class ImageFinderError(Exception):
    """The root of the tree; its text is one line that says what to do."""


class ImageError(ImageFinderError):
    """A picture that cannot be used."""


class UnreadableImage(ImageError):
    """The picture is missing, empty, damaged, or of a kind that is not accepted."""


class ImageTooLarge(ImageError):
    """The picture is over the byte cap or the pixel cap."""


class UnencodableImage(ImageError):
    """The encoder fails on the picture, or gives numbers that are not finite."""


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


class IndexDamaged(ImageFinderError):
    """An index's file cannot be used; the index is to be rebuilt from the store."""


class NotFound(ImageFinderError):
    """No such picture in the catalogue."""


class EvaluationError(ImageFinderError):
    """What belongs together is not known well enough to measure anything."""


class TrainingError(ImageFinderError):
    """Training cannot be done with the pictures, teachers or settings that are there."""
