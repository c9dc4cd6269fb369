"""What can go wrong, in sentences that tell the analyst what to do."""


class RtmError(Exception):
    """Base of every refusal: its text names the thing, what is wrong with it and the remedy."""


class SettingsError(RtmError):
    """A setting has an impossible value."""


class InputError(RtmError):
    """The data cannot be used as they are."""


class FileFormatError(RtmError):
    """A model, settings or raster file is damaged, foreign or from a newer version."""


class FitError(RtmError):
    """The likelihood has no usable maximum for this model."""


class OutputError(RtmError):
    """An output cannot be written."""


class Cancelled(Exception):  # noqa: N818 - it is not an error
    """Raised by a progress callable when the user has asked to stop; not an error."""
