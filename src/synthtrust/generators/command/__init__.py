"""Command: any program as a generator, in another process and, if need be, another environment."""

from synthtrust.generators.command.bundle import Bundle
from synthtrust.generators.command.generator import Command

__all__ = ["Bundle", "Command"]
