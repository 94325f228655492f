"""The one exception that means "the user can fix this"."""


class DarkreachError(Exception):
    """Bad input: one clear sentence that names the file or key and says what to do.

    The command line prints the sentence alone, without a traceback, and exits with status 2.
    """


class UnreadableFile(DarkreachError):
    """A data file is missing, damaged or out of reach; a configuration can be right all the same."""
