"""One file per task, of the same name as its contract, with a `run`."""
