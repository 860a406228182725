"""Synthesis: from a generator to a set of twins on disk, by one process or by several."""
