"""Speech features: back-ends and the networks behind them."""
