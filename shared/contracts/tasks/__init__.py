"""One file per task, each with a `CONTRACT`; see docs/how-to/add-a-task.md."""
