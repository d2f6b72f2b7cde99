"""One file for each experiment: `run(bench)` gives the rows of the table."""
