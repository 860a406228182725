"""What a user can mend, in one line; what he cannot keeps its traceback."""

from difflib import get_close_matches

from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from synthtrust.door.disk import disk_line
from synthtrust.door.names import did_you_mean, misspelt, options_of
from synthtrust.door.renamed import OPTIONS, explain
from synthtrust.refusals import Refusal


def in_one_line(error: BaseException) -> str | None:
    """Return the line that tells a user what to mend, None for an error that he cannot mend, which keeps its traceback.

    What disks, rights and folders refuse is in one line as well; ``hydra.verbose=true`` shows where that came about.
    """
    if isinstance(error, HydraException | OmegaConfBaseException):
        return _of_the_config(error)
    if isinstance(error, YAMLError):  # a file of the conf, as a rule that of a plugin; its place is in the message
        return f"Error in the configuration: {_joined(error)}"
    if isinstance(error, Refusal):
        return f"Error: {error}"
    return disk_line(error)


def _of_the_config(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(error, MissingConfigException) and (line := _no_such_option(error)):
        return f"Error: {line}"
    for link in (error, cause):
        if isinstance(link, ConfigAttributeError | ConfigKeyError) and link.full_key:
            return f"Error: {misspelt(link)}"
    if isinstance(cause, Refusal):  # Hydra hides why a target or a resolver fails
        return f"Error: {cause}"
    if cause is not None and (line := disk_line(cause)) is not None:
        return line
    return f"Error in the configuration: {_joined(error)}" + (f" Because: {_joined(cause)}" if cause else "")


def _no_such_option(error: MissingConfigException) -> str | None:
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    if (old := f"{group}={name}") in OPTIONS:
        return explain(old, OPTIONS[old])
    options = [option for option in error.options or options_of(group) if not option.startswith("_")]
    near = did_you_mean(get_close_matches(name, options, n=1))
    if not options:  # not a group of this project
        return None
    return f"Expected an option of {group}, but got {name}.{near} Available options in '{group}': {', '.join(options)}."


def _joined(error: BaseException) -> str:
    return " ".join(str(error).split())
