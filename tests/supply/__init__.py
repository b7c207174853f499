"""What ExitBrain is built from and with: the lock of its dependencies, and their licences."""
