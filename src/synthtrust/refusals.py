"""Refusals: what is raised for everything that a user can mend. Any other error keeps its traceback."""


class Refusal(ValueError):  # noqa: N818  it is the word of the docs, and no fault of the program
    """Something that a user can mend.

    The message says what was expected, what stands there instead and what to do. The commands print it as one line,
    and an audit that cannot answer a question because of one says so on the page.
    """


class MissingFileRefusal(Refusal, FileNotFoundError):  # noqa: N818
    """A file or folder that a user named, or that has to be there, does not exist."""


class CaseError(Refusal):
    """A case that cannot be used; the message names the file and what to do."""
