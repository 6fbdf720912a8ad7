"""What turns cells into records: in this process, or each in a process of its own."""
