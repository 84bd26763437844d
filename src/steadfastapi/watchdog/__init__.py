"""What the process does besides serving requests: event loop, threads, pools, tasks."""
