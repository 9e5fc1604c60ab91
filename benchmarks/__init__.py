"""What Pinnace promises about speed and size, measured: `make bench` prints the table and writes it down."""
