"""The commands, one module per group.

A module imports only the standard library, typer and ``ewpgw.commands.terminal`` at its top; what a command needs, it
imports when it runs, so that ``ewpgw --help`` stays quick. ``ewpgw.cli`` names every command.
"""
