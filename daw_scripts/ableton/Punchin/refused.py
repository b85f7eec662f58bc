"""What cannot be done as asked, in one sentence for the user."""


class Refused(Exception):
    """Carries the sentence."""
