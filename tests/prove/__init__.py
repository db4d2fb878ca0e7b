"""Trials of what Kohde promises, by the hundred thousand: `make prove` runs them long, the tests a short profile."""
