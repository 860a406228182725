"""Readers: from folders and tables in the layouts of this field to cohorts."""
