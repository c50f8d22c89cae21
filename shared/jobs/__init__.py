"""What a job is: states, options, the record and its outcomes. Pure, no I/O."""
