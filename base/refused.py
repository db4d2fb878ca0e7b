"""What every part says when it does not do something."""


class Refused(Exception):
    """Something was not done, and the one line says why. The command line prints it and exits 1."""
