"""Why an import does not begin, or stops."""


class UnreadableFile(Exception):
    """A file is damaged, cannot be read, or can be read in two ways. Nothing of the run is imported.

    The message says what is wrong, and which option or change settles it.
    """


class StoppedImport(Exception):
    """An import stopped in the middle. What was imported stays.

    The same command, run again, imports the rest and repeats nothing.
    """
