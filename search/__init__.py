"""Statements -> quotes that people find, play and cite."""
