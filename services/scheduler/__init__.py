"""The scheduler: periodiq keeps the time, Redis keeps the truth about slots."""
