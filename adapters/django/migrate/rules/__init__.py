"""What looks for each rule of the catalogue: a module for each group and way of seeing."""
