"""How weights are found: batches, objective, one compiled loop, history."""
