"""Formats: from files of any format to arrays of one orientation."""
