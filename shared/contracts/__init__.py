"""What a task is: its name, queue, data, result and default options. Pure, no I/O."""
