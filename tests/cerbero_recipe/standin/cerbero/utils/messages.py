"""Messages for people; kept, so that tests can read them."""

warnings = []


def warning(text, logfile=None):
    warnings.append(text)
