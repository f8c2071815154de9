"""The micro-operations that a datapath is written in, and the five interpreters that give them meaning."""
