"""Keeping a customer's register true: read any table, find its columns, match its rows, say what has changed."""
