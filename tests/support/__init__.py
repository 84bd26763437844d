"""Real servers, faults and drivers that the tests share."""
