"""The batch: what to do, in which order, once only; and the command line."""
