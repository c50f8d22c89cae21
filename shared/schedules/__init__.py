"""What is due when: cron patterns, schedules, and where they are kept."""
