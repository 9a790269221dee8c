"""The HTTP API that a student information system calls."""
