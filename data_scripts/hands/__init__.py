"""Sign-language digits, drawn from a jointed model of a hand."""
