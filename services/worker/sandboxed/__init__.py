"""What runs inside the sandbox: nothing here may trust the files it reads."""
