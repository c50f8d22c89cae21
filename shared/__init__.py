"""What the services share: contracts, jobs, the broker, storage and small tools."""
