"""The figures the gateway has to reach, measured: ``python -m bench`` (or ``make bench``)."""
