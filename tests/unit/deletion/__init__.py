"""Direct tests of a deletion's steps against one simulated service for each module, without the command line."""
