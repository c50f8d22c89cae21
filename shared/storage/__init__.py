"""Uploads and artifacts: a local folder or an S3 bucket."""
