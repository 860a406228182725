"""What is raised when a case cannot be used."""


class CaseError(ValueError):
    """A case that cannot be used; the message names the file and what to do."""
