"""Mutants that no test can catch: (file, the line, the line edited): the reason."""

EQUIVALENT = {
}
