"""What every part says when it does not do something."""


class Refused(Exception):
    """Something was not done, and the one line says why. The command line prints it and exits 1."""


class LandingRefused(Refused):
    """A file or a load that is not taken. The message is one clear line for a person; `reason` is its code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
