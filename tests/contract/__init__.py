"""The contract suite: what this project takes for granted about the service, one test for each row of the table."""
